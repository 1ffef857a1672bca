// Tables: a lane's value by its own index.

// Guarded, since weights.cl may first be read where it is skipped.
#ifndef LOOKUP
#define LOOKUP

// Lanes of table[index], a table in constant memory.
#if SIMT
#define TABLE_AT(table, index) (table)[index]
#else
#define TABLE_AT(table, index) table_lanes_##table(index)
#endif

// The vector style's TABLE_AT for a table, defined beside it. Two indices leave a vector at once.
#if SIMT
#define TABLE_LANES(table)
#else
#define TWO_OF(table, pair) (table)[(uint)(pair)], (table)[(uint)((pair) >> 32)]
#define TABLE_LANES(table)                                                                                                 \
  static inline uint16 table_lanes_##table(const uint16 index) {                                                           \
    const ulong8 i = as_ulong8(index);                                                                                     \
    return (uint16)(TWO_OF(table, i.s0), TWO_OF(table, i.s1), TWO_OF(table, i.s2), TWO_OF(table, i.s3),                   \
                    TWO_OF(table, i.s4), TWO_OF(table, i.s5), TWO_OF(table, i.s6), TWO_OF(table, i.s7));                  \
  }
#endif

#define BYTES_OF(a, b, c, d) ((a) & 255u | ((b) & 255u) << 8 | ((c) & 255u) << 16 | ((d) & 255u) << 24)
#define WORDS_OF(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
  BYTES_OF(a, b, c, d), BYTES_OF(e, f, g, h), BYTES_OF(i, j, k, l), BYTES_OF(m, n, o, p)

// LOOKUP_16(VALUES, index): the float that is value number (index mod 16) of VALUES, a macro that gives its 16 values, integers of
// 8 bits without a sign, to another macro.
#if !SIMT && defined(__clang__) && defined(__AVX512F__)

// One instruction; the compiler is clang for that very CPU.
typedef float floats_512 __attribute__((__vector_size__(64)));
typedef int ints_512 __attribute__((__vector_size__(64)));
#define FLOATS_OF(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) (float16)(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
#define LOOKUP_16(values, index)                                                                                         \
  __builtin_astype(__builtin_ia32_permvarsf512(__builtin_astype(values(FLOATS_OF), floats_512),                          \
                                               __builtin_astype(index, ints_512)),                                       \
                   float16)

#elif !SIMT && defined(__clang__) && defined(__AVX2__)

// Instead, BYTES_AT(VALUES, indices): four values for the four indices of a word, each in a byte of its own, in an instruction for 8
// words.
typedef char chars_256 __attribute__((__vector_size__(32)));
#define BYTES_AT(values, indices) bytes_at((uint8)(values(WORDS_OF), values(WORDS_OF)), indices)
#define SHUFFLED(values, indices) \
  __builtin_astype(__builtin_ia32_pshufb256(__builtin_astype(values, chars_256), __builtin_astype(indices, chars_256)), uint8)
static inline uint16 bytes_at(const uint8 values, const uint16 indices) {
  return (uint16)(SHUFFLED(values, indices.lo), SHUFFLED(values, indices.hi));
}

#else

#define LOOKUP_16(values, index) INT_TO_FLOAT(AS_INT(lookup_16((uint4)(values(WORDS_OF)), index) >> 24))
#if SIMT
#define INT_TO_FLOAT(x) convert_float(x)
#else
#define INT_TO_FLOAT(x) convert_float16(x)
#endif
// At the top of a word.
static inline lanes_u lookup_16(const uint4 values, const lanes_u index) {
  const lanes_u low = AS_INT(index << 29) < 0 ? (lanes_u)values.y : (lanes_u)values.x;
  const lanes_u high = AS_INT(index << 29) < 0 ? (lanes_u)values.w : (lanes_u)values.z;
  const lanes_u word = AS_INT(index << 28) < 0 ? high : low;
  return word << ((~index & 3u) << 3);
}

#endif

#endif
