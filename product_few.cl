// y[token, row] = Σ_k x[token, k] · w[row, k] of few tokens, as matmul/matmul.cl defines it and with the same bits, in the simt
// style.
//
// A work-group has the 32 rows of a panel and TILE_M tokens; a lane of each of its WARPS of 32 work-items is a row. Sums of blocks do
// not depend on each other: in a round each warp sums SHARE blocks, of which it has loaded the words a round or more ago, and leaves the
// sums in local memory. In the next round the first warps go on with the chains acc = fma(scale, sum, acc), acc = fma(minimum, Σx, acc)
// over these blocks in sequence, a lane a row, CHAINS tokens a warp.
//
//   x        (tokens, columns); with NORM, before its root mean square norm, which every work-group computes for itself (norm/row.cl)
//   and all else as in matmul/matmul.cl; the views x_sums are unused
//   units    (tokens/TILE_M or tiles of experts, panels)
// Words, x and scales are AHEAD rounds on their way into registers; a round before they are wanted, x and the scales go to local memory.

#ifndef COLUMNS
#define COLUMNS 4096
#endif
#ifndef NORM
#define NORM 0
#endif
#define TILE_N 2
#define TILES 1
#define SCALES_LOCAL
#define IN_PLACE 1

// The parts of matmul/matmul.simt.cl.


// The weight format of this program, chosen by WEIGHT_TYPE (`WeightFormat`'s raw value).
//
// A matrix of (rows, columns) is repacked in groups of 16 rows that lie side by side, two groups to a panel, so that what a
// work-item reads is one stream in order of addresses (a CPU's prefetchers lose others); in two planes:
//   quants (panels, words of a row / ASIDE, 2, 16, ASIDE) uint; a row has columns/BLOCK · WORDS words, in order of k
//   scales (panels, columns/BLOCK/BLOCKS_PER_SCALE, 2, SCALES, 16) ushort
// ASIDE is 1 in the vector style. In the simt style it is 4, so that a work-item, which has one row, loads 16 bytes at once, and its
// neighbors the bytes beside them; where a row's words are no multiple of 4, it is 2 or 1 (WeightShape.wordsAside).
//
// A format says how a block of one row unpacks, in chunks of CHUNK weights: load_chunk makes one of the block's words, which are in
// memory in the vector style, and in the simt style in an array that load_words or load_unit has filled; and
// UNPACK(chunk, i) gives its weight i up to an affine map,
//   weight = scale · UNPACK + minimum,
// of which load_scale gives the scale, and MINIMUM(scale, what it left as minimum, RANGE) the minimum, for a block under one set of
// scales, while dequantized gives a weight rounded just as the format's own definition rounds it. Formats without scales have
// UNPACK = weight.
//
// A quant q is the FIELD from bit FROM(i) on of a word of a chunk. IN_PLACE (always in the vector style) it is converted where it
// lies: UNPACK(chunk, i) = q · 2^PLACE(i), and the activation is multiplied by 2^(TOP_PLACE − PLACE(i)), so that all sums are
// 2^TOP_PLACE times the sum of x · q, to the bit while nothing overflows (|x| < 2^92): powers of two round nothing, and below 2^-126
// all are multiples of 2^-149. Otherwise UNPACK = q. RANGE · UNPACK is q in both, with the activation's factor.


// One source for both styles: a "lane" is one output row (or key, or column). In the vector style a work-item holds
// 16 lanes in one wide vector; in the simt style it holds one lane, and neighboring work-items hold its neighbors.
// What one lane computes is the same sequence of operations either way, so the results are the same bits.


#pragma OPENCL FP_CONTRACT OFF

#ifndef SIMT
#define SIMT 0
#endif

#define LANES 16

// Vectors of LANES sums that a core's registers hold beside what is multiplied: 24 of AVX-512's 32, each one register; 6 of
// AVX2's 16, each two.
#ifndef HELD_SUMS
#define HELD_SUMS 24
#endif

#if SIMT
typedef float lanes_f;
typedef uint lanes_u;
typedef int lanes_i;
typedef ushort lanes_h;
#define AS_FLOAT(x) as_float(x)
#define AS_UINT(x) as_uint(x)
#define AS_INT(x) as_int(x)
#define TO_UINT(x) convert_uint(x)
#define TO_FLOAT(x) convert_float(x)
#define LOAD_LANES(p) (*(p))
#define STORE_LANES(x, p) (*(p) = (x))
#define FIRST_LANE(x) (x)
#else
typedef float16 lanes_f;
typedef uint16 lanes_u;
typedef int16 lanes_i;
typedef ushort16 lanes_h;
#define AS_FLOAT(x) as_float16(x)
#define AS_UINT(x) as_uint16(x)
#define AS_INT(x) as_int16(x)
#define TO_UINT(x) convert_uint16(x)
#define TO_FLOAT(x) convert_float16(x)
#define LOAD_LANES(p) vload16(0, p)
#define STORE_LANES(x, p) vstore16(x, 0, p)
#define FIRST_LANE(x) ((x).s0)
#endif

// The float of a half's 16 bits, exactly, for every finite half; needs no fp16 support.
static inline lanes_f half_to_float(lanes_u bits) {
  return AS_FLOAT((AS_INT(bits << 16) >> 3) & (int)0x8fffe000u) * (lanes_f)0x1p112f;
}
static inline lanes_f half_bits_to_float(lanes_h half_bits) { return half_to_float(TO_UINT(half_bits)); }

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


#ifndef WEIGHT_TYPE
#define WEIGHT_TYPE 3
#endif

#define CHUNK 8
#define PANEL_GROUPS 2
#define PANEL_ROWS (PANEL_GROUPS * LANES)
#ifndef ASIDE
#if SIMT
#define ASIDE 4
#else
#define ASIDE 1
#endif
#endif
// A block's words, and word w of them: where quants_at has found them, or in registers.
#if SIMT
#define BLOCK_WORDS const uint *
#define LOAD_WORD(block, w) (block)[w]
#else
#define BLOCK_WORDS global const uint *
#define LOAD_WORD(block, w) LOAD_LANES((block) + (w) * PANEL_ROWS)
#endif
#define ONE 0x3f800000u

// The halves of a row under one set of scales: in an array, or with SCALES_LOCAL in local memory as the plane has them.
#if SIMT && defined(SCALES_LOCAL)
#define PACKED local const ushort *
#define HALF_OF(packed, s) (packed)[(s) * LANES]
#define HALF_VALUE(packed, s) vload_half((s) * LANES, (local const half *)(packed))
#else
#define PACKED const lanes_h *
#define HALF_OF(packed, s) (packed)[s]
#define HALF_VALUE(packed, s) half_bits_to_float(HALF_OF(packed, s))
#endif

#ifndef IN_PLACE
#define IN_PLACE (!SIMT)
#endif
// The FIELD from bit `from` on as a float, times 2^PLACE_OF(from).
#if !SIMT
// Unless it reaches the sign.
#define REACHES_TOP(from) (((uint)FIELD << (from)) >> 31)
#define PLACED(word, from) TO_FLOAT(AS_INT(REACHES_TOP(from) ? (word) >> (from) : (word) & ((uint)FIELD << (from))))
#define PLACE_OF(from) (REACHES_TOP(from) ? 0 : (from))
#elif IN_PLACE
// As half a word of its lower 10 bits: a denormal half, whose conversion is one instruction, and one mask serves both halves.
#define HALF_PLACE(from) ((FIELD << (from) % 16) > 1023 ? (from) % 16 - 8 : (from) % 16)
#define PLACED(word, from) half_of((word) >> ((from) % 16 - HALF_PLACE(from)) & (uint)(FIELD * 0x10001u << HALF_PLACE(from)), (from) / 16)
#define PLACE_OF(from) (HALF_PLACE(from) - 24)
static inline float half_of(const uint word, const uint index) {
  // A pointer to a half may point to a vector, but not to an integer: compilers take such for others' memory.
  const ushort2 halves = as_ushort2(word);
  return vload_half(index, (const half *)&halves);
}
#else
#define PLACED(word, from) (AS_FLOAT(((word) >> (from) & FIELD) | 0x4b000000u) - 8388608.0f)
#endif
// Bits of x from position `from` moved to position `to` (both constants); the caller masks.
#define SHIFT_TO(x, from, to) ((from) > (to) ? (x) >> (((from) - (to)) & 31) : (x) << (((to) - (from)) & 31))

#define IS_F32 (WEIGHT_TYPE == 0)
#define IS_F16 (WEIGHT_TYPE == 1)
#define IS_Q4_0 (WEIGHT_TYPE == 2)
#define IS_Q4_1 (WEIGHT_TYPE == 3)
#define IS_Q5_0 (WEIGHT_TYPE == 6)
#define IS_Q5_1 (WEIGHT_TYPE == 7)
#define IS_Q8_0 (WEIGHT_TYPE == 8)
#define IS_Q2_K (WEIGHT_TYPE == 10)
#define IS_Q3_K (WEIGHT_TYPE == 11)
#define IS_Q4_K (WEIGHT_TYPE == 12)
#define IS_Q5_K (WEIGHT_TYPE == 13)
#define IS_Q6_K (WEIGHT_TYPE == 14)
#define IS_IQ2_XXS (WEIGHT_TYPE == 16)
#define IS_IQ2_XS (WEIGHT_TYPE == 17)
#define IS_IQ3_XXS (WEIGHT_TYPE == 18)
#define IS_IQ1_S (WEIGHT_TYPE == 19)
#define IS_IQ4_NL (WEIGHT_TYPE == 20)
#define IS_IQ3_S (WEIGHT_TYPE == 21)
#define IS_IQ2_S (WEIGHT_TYPE == 22)
#define IS_IQ4_XS (WEIGHT_TYPE == 23)
#define IS_IQ1_M (WEIGHT_TYPE == 29)
#define IS_BF16 (WEIGHT_TYPE == 30)
#define IS_TQ1_0 (WEIGHT_TYPE == 34)
#define IS_TQ2_0 (WEIGHT_TYPE == 35)
#define IS_MXFP4 (WEIGHT_TYPE == 39)

// Weights whose products are summed before they are scaled.
#if IS_Q2_K || IS_Q3_K || IS_Q6_K || IS_IQ2_XS || IS_IQ2_S || IS_IQ1_M
#define BLOCK 16
#else
#define BLOCK 32
#endif

#if IS_F32
// Floats. A chunk is eight words.

#define WORDS 32

#define CHUNK_WORDS 8
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_WORD(block, c * CHUNK_WORDS + w);
}

#define UNPACK(chunk, i) AS_FLOAT(chunk[i])

#elif IS_F16
// Halves, two to a word, in order of k. A chunk is four words.

#define WORDS 16

#define CHUNK_WORDS 4
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_WORD(block, c * CHUNK_WORDS + w);
}

#if SIMT && IN_PLACE
#define UNPACK(chunk, i) half_of(chunk[(i) / 2], (i) % 2)
#else
#define UNPACK(chunk, i) half_to_float((i) % 2 ? chunk[(i) / 2] >> 16 : chunk[(i) / 2] & 0xffffu)
#endif

#elif IS_BF16
// The upper halves of floats, two to a word, in order of k. A chunk is four words.

#define WORDS 16

#define CHUNK_WORDS 4
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_WORD(block, c * CHUNK_WORDS + w);
}

#define UNPACK(chunk, i) AS_FLOAT((i) % 2 ? chunk[(i) / 2] & 0xffff0000u : chunk[(i) / 2] << 16)

#elif IS_Q4_0 || IS_Q4_1 || IS_Q4_K
// 4-bit quants: WORDS words of 8 nibbles, in order of k. A chunk is one word.

#define WORDS 4
#define LARGEST 15
#define TOP_PLACE 24
#define OFFSET 8.0f

#define CHUNK_WORDS 1
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, c);
}

#define FIELD LARGEST
#define FROM(i) (4 * (i))
#define UNPACK(chunk, i) PLACED(chunk[0], FROM(i))

#elif IS_Q5_0 || IS_Q5_1 || IS_Q5_K
// 5-bit quants: 1 word with the high bit of each, of weight 2i of chunk c at bit 8i + 4 + c, of weight 2i + 1 four lower, and 4 words of
// 8 low nibbles, in order of k. A chunk is a word with a byte for each even weight, and one for the odd.

#define WORDS 5
#define LARGEST 31
#define TOP_PLACE 24
#define OFFSET 16.0f

#define CHUNK_WORDS 2
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u low = LOAD_WORD(block, 1 + c), high = LOAD_WORD(block, 0) >> c;
  chunk[0] = (low & 0x0f0f0f0fu) | (high & 0x10101010u);
  chunk[1] = (low >> 4 & 0x0f0f0f0fu) | (high << 4 & 0x10101010u);
}

#define FIELD LARGEST
#define FROM(i) ((i) / 2 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], FROM(i))

#elif IS_Q6_K
// 6-bit quants in blocks of 16: 1 word with the high pairs of bits, of weight 2i of chunk c at bit 8i + 4 − 4c, of weight 2i + 1 two
// higher, and 2 words of 8 low nibbles, in order of k. A chunk is a word with a byte for each even weight, and one for the odd.

#define WORDS 3
#define LARGEST 63
#define TOP_PLACE 24
#define OFFSET 32.0f

#define CHUNK_WORDS 2
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u low = LOAD_WORD(block, 1 + c), high = LOAD_WORD(block, 0) << (4 * c);
  chunk[0] = (low & 0x0f0f0f0fu) | (high & 0x30303030u);
  chunk[1] = (low >> 4 & 0x0f0f0f0fu) | (high >> 2 & 0x30303030u);
}

#define FIELD LARGEST
#define FROM(i) ((i) / 2 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], FROM(i))

#elif IS_Q8_0
// 8-bit quants: WORDS words of 4 bytes q + 128, in order of k. A chunk is two words.

#define WORDS 8
#define LARGEST 255
#define TOP_PLACE 16
#define OFFSET 128.0f

#define CHUNK_WORDS 2
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_WORD(block, c * CHUNK_WORDS + w);
}

#define FIELD LARGEST
#define FROM(i) ((i) % 4 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) / 4], FROM(i))

#elif IS_Q2_K || IS_TQ2_0
// 2-bit quants: WORDS words of 16 pairs of bits, in order of k. A chunk is the half of a word, at the bottom.

#define WORDS (BLOCK / 16)
#define TOP_PLACE 14
#define OFFSET 1.0f

#define CHUNK_WORDS 1
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, c / 2) >> (16 * (c % 2));
}

#define FIELD 3
#define FROM(i) (2 * (i))
#define UNPACK(chunk, i) PLACED(chunk[0], FROM(i))

#elif IS_Q3_K
// 3-bit quants in blocks of 16: 1 word with the low pair of bits of each, of weight 2i of chunk c at bit 8i + 4c, of weight 2i + 1 two
// higher; the high bits of each block are a half of its super-block's, from FIRST_HIGH, of weight 2i at bit 2c + (0, 8, 4, 12)[i], of
// weight 2i + 1 one higher. A chunk is a word with a byte for each even weight, and one for the odd.

#define WORDS 1
#define FIRST_HIGH 7
#define TOP_PLACE 24
#define OFFSET 4.0f

#define CHUNK_WORDS 2
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u low = LOAD_WORD(block, 0) >> (4 * c), bits = TO_UINT(HALF_OF(packed, FIRST_HIGH + part));
  const lanes_u high = (bits << 2 | bits << 14) >> (2 * c);
  chunk[0] = (low & 0x03030303u) | (high & 0x04040404u);
  chunk[1] = (low >> 2 & 0x03030303u) | (high >> 1 & 0x04040404u);
}

#define FIELD 7
#define FROM(i) ((i) / 2 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], FROM(i))

#elif IS_IQ4_NL || IS_IQ4_XS || IS_MXFP4
// Nibbles that stand for the values of a table: 4 words of 8, in order of k. A chunk is one word.

#define WORDS 4

#if IS_MXFP4
// Twice the values of E2M1.
#define OFFSET 12.0f
#define VALUES(of) of(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0)
#else
#define OFFSET 127.0f
#define VALUES(of) of(0, 23, 44, 62, 78, 92, 105, 117, 128, 140, 152, 165, 180, 196, 216, 240)
#endif

// What unpacks nibbles that stand for the values of a table, VALUES less OFFSET, bytes without a sign. SET_CHUNK(chunk, word) makes a
// chunk of a word of 8, in order of k.


#ifdef BYTES_AT
// The values of even nibbles, then of odd ones.
#define TOP_PLACE 16
#define CHUNK_WORDS 2
#define SET_CHUNK(chunk, word)                                    \
  do {                                                            \
    const lanes_u nibbles = word;                                 \
    (chunk)[0] = BYTES_AT(VALUES, nibbles & 0x0f0f0f0fu);         \
    (chunk)[1] = BYTES_AT(VALUES, nibbles >> 4 & 0x0f0f0f0fu);    \
  } while (0)
#define FIELD 255
#define FROM(i) ((i) / 2 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], FROM(i))
#else
#define RANGE 1.0f
#define CHUNK_WORDS 1
#define SET_CHUNK(chunk, word) (chunk)[0] = word
#define UNPACK(chunk, i) LOOKUP_16(VALUES, chunk[0] >> (4 * (i)))
#endif


static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  SET_CHUNK(chunk, LOAD_WORD(block, c));
}

#elif IS_TQ1_0
// Digits 0, 1, 2 to base 3, five or four to a byte: digit n of byte b is ⌊(b · 3ⁿ mod 256) · 3 / 256⌋. A super-block's 52 bytes are its
// 26 halves from 1, as the file has them: byte j < 32 holds weights j, j + 32, … 128 + j, byte 32 + j weights 160 + j, 176 + j, …,
// byte 48 + j weights 240 + j, 244 + j, ….
//
// A chunk is four words, each of two digits at bits 8 and 24: of weights 0 and 2, 1 and 3, 4 and 6, 5 and 7.

#define WORDS 0
#define TOP_PLACE 24
#define OFFSET 1.0f

// Bytes `at` … `at` + 3, each times `power`, as two words of digits.
static inline void load_trits(PACKED packed, uint at, uint power, lanes_u *digits) {
  const lanes_u word = TO_UINT(HALF_OF(packed, 1 + at / 2)) | TO_UINT(HALF_OF(packed, 2 + at / 2)) << 16;
  const lanes_u even = (word & 0x00ff00ffu) * power & 0x00ff00ffu, odd = (word >> 8 & 0x00ff00ffu) * power & 0x00ff00ffu;
  digits[0] = even * 3u;
  digits[1] = odd * 3u;
}

#define CHUNK_WORDS 4
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const uint all = part * 4 + c, row = all < 20 ? all / 4 : (all - 20) / 2;
  uint at = all < 20 ? c * 8 : 32 + all % 2 * 8, power = row == 0 ? 1 : row == 1 ? 3 : row == 2 ? 9 : row == 3 ? 27 : 81;
  uint next = at + 4, next_power = power;
  if (all >= 30) {
    at = next = 48;
    power = all == 30 ? 1 : 9;
    next_power = 3 * power;
  }
  load_trits(packed, at, power, chunk);
  load_trits(packed, next, next_power, chunk + 2);
}

#define FIELD 3
#define FROM(i) (8 + (i) % 4 / 2 * 16)
#define UNPACK(chunk, i) PLACED(chunk[(i) / 4 * 2 + (i) % 2], FROM(i))

#elif IS_IQ1_S || IS_IQ1_M
// Eight weights are an entry of a codebook, of 8 digits 0, 1, 2, and all of them lie 1/8 above or below: digit − 1 ± 1/8.
//
// IQ1_S, blocks of 32: 1 word of 4 bytes, the low parts of indices; the block's half has the high 3 bits of each, from bit 0, and
// bit 15 if its weights lie below.
// IQ1_M, blocks of 16, all in the super-block's halves, as the file has them: 4 of scales; 16 of two low bytes; 8 of four nibbles,
// the high 3 bits of an index and bit 3 if its weights lie below.
//
// A chunk is the 8 digits in pairs of bits, and 1 with 1/16 where they lie above.

// The codebook of IQ1_S and IQ1_M: 2048 entries of 8 digits 0, 1, 2, 2 bits each, from the lowest.
// Made by scripts/make-codebooks.

// Guarded, since what only some formats include cannot be included once.
#ifndef GRID_IQ1
#define GRID_IQ1

constant ushort grid_iq1[2048] = {
  0x0000, 0x0002, 0x0005, 0x0008, 0x000a, 0x0011, 0x0015, 0x0020, 0x0022, 0x0028, 0x002a, 0x0045, 0x0051, 0x0054, 0x0056, 0x0065,
  0x0080, 0x0082, 0x0088, 0x008a, 0x0095, 0x00a0, 0x00a2, 0x00a8, 0x00aa, 0x0104, 0x0105, 0x0111, 0x0114, 0x0116, 0x0119, 0x011a,
  0x0125, 0x0141, 0x0146, 0x0149, 0x0152, 0x0155, 0x015a, 0x0161, 0x0164, 0x0166, 0x0168, 0x0185, 0x0191, 0x0194, 0x0196, 0x01a5,
  0x0200, 0x0202, 0x0208, 0x020a, 0x0215, 0x0220, 0x0222, 0x0228, 0x022a, 0x0245, 0x0251, 0x0259, 0x0264, 0x0269, 0x0280, 0x0282,
  0x0288, 0x028a, 0x0291, 0x0295, 0x0299, 0x02a0, 0x02a2, 0x02a8, 0x02aa, 0x0411, 0x0414, 0x0416, 0x0425, 0x0441, 0x0449, 0x0455,
  0x045a, 0x0464, 0x0465, 0x0491, 0x0499, 0x04a5, 0x0501, 0x0504, 0x0505, 0x0506, 0x0515, 0x0518, 0x051a, 0x0529, 0x0540, 0x0545,
  0x054a, 0x0550, 0x0551, 0x0554, 0x0555, 0x0556, 0x0559, 0x0560, 0x0562, 0x0565, 0x0568, 0x056a, 0x0581, 0x0591, 0x0595, 0x0598,
  0x059a, 0x05a1, 0x05a4, 0x05a5, 0x05a6, 0x05a9, 0x0614, 0x0619, 0x0641, 0x0644, 0x0650, 0x0652, 0x0655, 0x0658, 0x0660, 0x0661,
  0x0666, 0x0669, 0x0685, 0x0691, 0x0694, 0x0699, 0x0800, 0x0802, 0x0808, 0x080a, 0x0815, 0x0820, 0x0822, 0x0828, 0x082a, 0x0845,
  0x0851, 0x0856, 0x0865, 0x0880, 0x0882, 0x0888, 0x088a, 0x0895, 0x08a0, 0x08a2, 0x08a8, 0x08aa, 0x0905, 0x0911, 0x0914, 0x0919,
  0x0924, 0x0925, 0x0941, 0x0950, 0x0951, 0x0955, 0x0961, 0x0964, 0x0969, 0x0991, 0x0994, 0x0996, 0x0999, 0x09a5, 0x0a00, 0x0a02,
  0x0a08, 0x0a0a, 0x0a15, 0x0a20, 0x0a22, 0x0a28, 0x0a2a, 0x0a45, 0x0a51, 0x0a59, 0x0a61, 0x0a65, 0x0a80, 0x0a82, 0x0a85, 0x0a88,
  0x0a8a, 0x0a95, 0x0aa0, 0x0aa2, 0x0aa8, 0x0aaa, 0x1010, 0x1011, 0x1014, 0x1019, 0x1024, 0x1025, 0x1041, 0x1044, 0x1050, 0x1055,
  0x1058, 0x1061, 0x1064, 0x1065, 0x1069, 0x1091, 0x1094, 0x1096, 0x10a1, 0x10a5, 0x1101, 0x1104, 0x1106, 0x1109, 0x1110, 0x1112,
  0x1115, 0x1118, 0x1121, 0x1124, 0x1129, 0x1145, 0x114a, 0x1150, 0x1151, 0x1152, 0x1154, 0x1155, 0x1156, 0x1159, 0x1160, 0x1165,
  0x1184, 0x1192, 0x1195, 0x11a1, 0x11a4, 0x1211, 0x1214, 0x1216, 0x1225, 0x1240, 0x1246, 0x1249, 0x1252, 0x1255, 0x1258, 0x125a,
  0x1264, 0x1266, 0x1285, 0x1291, 0x1294, 0x1296, 0x12a5, 0x1401, 0x1406, 0x1409, 0x1414, 0x1415, 0x1418, 0x1419, 0x1421, 0x1426,
  0x1441, 0x1445, 0x1446, 0x1448, 0x144a, 0x1451, 0x1454, 0x1455, 0x1456, 0x1459, 0x1462, 0x1465, 0x1468, 0x1484, 0x1489, 0x1490,
  0x1494, 0x1495, 0x1498, 0x1499, 0x149a, 0x14a1, 0x14a4, 0x14a5, 0x14a9, 0x1502, 0x1505, 0x150a, 0x1511, 0x1514, 0x1515, 0x1516,
  0x1519, 0x1520, 0x1522, 0x1525, 0x1528, 0x152a, 0x1541, 0x1544, 0x1545, 0x1546, 0x1551, 0x1552, 0x1554, 0x1555, 0x1556, 0x1559,
  0x155a, 0x1561, 0x1564, 0x1565, 0x1566, 0x1569, 0x1580, 0x1582, 0x1584, 0x1585, 0x1588, 0x158a, 0x1590, 0x1591, 0x1594, 0x1595,
  0x1596, 0x1599, 0x159a, 0x15a0, 0x15a2, 0x15a5, 0x1601, 0x1604, 0x1605, 0x1606, 0x1615, 0x1616, 0x1618, 0x161a, 0x1621, 0x1626,
  0x1640, 0x1642, 0x1644, 0x1645, 0x1648, 0x164a, 0x1651, 0x1655, 0x1656, 0x1658, 0x1659, 0x1661, 0x1664, 0x1665, 0x1668, 0x1669,
  0x166a, 0x1686, 0x168a, 0x1692, 0x1695, 0x16a4, 0x16a9, 0x1811, 0x1816, 0x1825, 0x1841, 0x1844, 0x1846, 0x1849, 0x1850, 0x1855,
  0x1858, 0x185a, 0x1860, 0x1861, 0x1864, 0x1866, 0x1869, 0x1885, 0x1891, 0x1894, 0x18a5, 0x1910, 0x1912, 0x1915, 0x191a, 0x1921,
  0x1925, 0x1942, 0x1944, 0x1945, 0x1948, 0x1951, 0x1954, 0x1955, 0x1956, 0x1959, 0x195a, 0x1960, 0x1965, 0x196a, 0x1989, 0x1991,
  0x1992, 0x1995, 0x1998, 0x19a1, 0x19a6, 0x19a9, 0x1a09, 0x1a16, 0x1a24, 0x1a26, 0x1a44, 0x1a46, 0x1a49, 0x1a50, 0x1a52, 0x1a55,
  0x1a58, 0x1a61, 0x1a66, 0x1a69, 0x1a85, 0x1a91, 0x1a96, 0x1a9a, 0x2000, 0x2002, 0x2008, 0x200a, 0x2015, 0x2020, 0x2022, 0x2025,
  0x2028, 0x202a, 0x2045, 0x2051, 0x2059, 0x2061, 0x2065, 0x2080, 0x2082, 0x2088, 0x208a, 0x2095, 0x20a0, 0x20a2, 0x20a5, 0x20a8,
  0x20aa, 0x2105, 0x2111, 0x2114, 0x2119, 0x2125, 0x2142, 0x2144, 0x2149, 0x2155, 0x2158, 0x215a, 0x2161, 0x2164, 0x2165, 0x2166,
  0x2185, 0x2190, 0x2196, 0x2199, 0x21a5, 0x2201, 0x2208, 0x220a, 0x2211, 0x2215, 0x2220, 0x2222, 0x2228, 0x222a, 0x2245, 0x2251,
  0x2256, 0x2259, 0x2265, 0x2281, 0x2288, 0x228a, 0x2291, 0x2295, 0x22a0, 0x22a2, 0x22a8, 0x22aa, 0x2405, 0x2414, 0x2416, 0x2419,
  0x2425, 0x2444, 0x2445, 0x2446, 0x2449, 0x2452, 0x2455, 0x2458, 0x245a, 0x2466, 0x2485, 0x2491, 0x2494, 0x2499, 0x24a1, 0x24a5,
  0x2509, 0x2515, 0x2521, 0x2529, 0x2540, 0x2545, 0x2548, 0x2551, 0x2554, 0x2555, 0x2559, 0x2562, 0x2565, 0x2568, 0x2589, 0x2590,
  0x2594, 0x2595, 0x2598, 0x259a, 0x25a1, 0x25a4, 0x25a6, 0x25a9, 0x2605, 0x2610, 0x2612, 0x2619, 0x2625, 0x2641, 0x2649, 0x2655,
  0x2660, 0x2661, 0x2669, 0x2684, 0x2686, 0x2690, 0x269a, 0x2800, 0x2802, 0x2808, 0x280a, 0x2815, 0x2820, 0x2822, 0x2828, 0x282a,
  0x2845, 0x2851, 0x2854, 0x2865, 0x2880, 0x2882, 0x2888, 0x288a, 0x28a0, 0x28a2, 0x28a8, 0x28aa, 0x2909, 0x2911, 0x2914, 0x2919,
  0x2925, 0x2946, 0x2949, 0x2952, 0x2955, 0x2961, 0x2964, 0x2966, 0x2969, 0x2985, 0x2990, 0x2996, 0x2999, 0x29a4, 0x29a5, 0x2a00,
  0x2a02, 0x2a08, 0x2a0a, 0x2a20, 0x2a22, 0x2a28, 0x2a2a, 0x2a45, 0x2a51, 0x2a56, 0x2a59, 0x2a65, 0x2a80, 0x2a82, 0x2a88, 0x2a8a,
  0x2a95, 0x2aa0, 0x2aa2, 0x2aa8, 0x2aaa, 0x4005, 0x4011, 0x4016, 0x4025, 0x4049, 0x4052, 0x4055, 0x4058, 0x405a, 0x4061, 0x4064,
  0x4066, 0x4094, 0x4099, 0x40a1, 0x40a6, 0x4100, 0x4101, 0x4104, 0x4106, 0x4109, 0x4112, 0x4115, 0x4116, 0x4118, 0x411a, 0x4121,
  0x4126, 0x4129, 0x4145, 0x4148, 0x414a, 0x4151, 0x4154, 0x4155, 0x4156, 0x4159, 0x415a, 0x4165, 0x4168, 0x416a, 0x4181, 0x4184,
  0x4186, 0x4190, 0x4192, 0x4195, 0x41a0, 0x41a1, 0x41a2, 0x4205, 0x4211, 0x4214, 0x4216, 0x4225, 0x4241, 0x4252, 0x4255, 0x425a,
  0x4264, 0x4269, 0x4289, 0x4294, 0x42a5, 0x4401, 0x4415, 0x4419, 0x4429, 0x4445, 0x4448, 0x444a, 0x4451, 0x4454, 0x4455, 0x4456,
  0x4461, 0x4462, 0x4465, 0x4468, 0x446a, 0x4481, 0x4486, 0x4489, 0x4490, 0x4492, 0x4495, 0x44a0, 0x44a1, 0x44a9, 0x4501, 0x4502,
  0x4505, 0x450a, 0x4511, 0x4514, 0x4515, 0x4516, 0x4519, 0x4520, 0x4525, 0x452a, 0x4541, 0x4544, 0x4545, 0x4546, 0x4549, 0x4550,
  0x4551, 0x4554, 0x4555, 0x4556, 0x4558, 0x4559, 0x4561, 0x4564, 0x4565, 0x4566, 0x4569, 0x4582, 0x4584, 0x4585, 0x4588, 0x4591,
  0x4594, 0x4595, 0x4596, 0x4599, 0x459a, 0x45a5, 0x45a8, 0x45aa, 0x4601, 0x4605, 0x4609, 0x4614, 0x4615, 0x4618, 0x461a, 0x4621,
  0x4624, 0x4629, 0x4640, 0x4642, 0x4645, 0x4648, 0x4650, 0x4651, 0x4652, 0x4655, 0x4656, 0x4659, 0x4662, 0x4665, 0x4668, 0x4681,
  0x4685, 0x468a, 0x4694, 0x4695, 0x46a1, 0x46a4, 0x46a6, 0x4805, 0x4811, 0x4815, 0x481a, 0x4825, 0x4842, 0x4849, 0x4850, 0x4855,
  0x4858, 0x4861, 0x4864, 0x4866, 0x4869, 0x4885, 0x4891, 0x4894, 0x4896, 0x4899, 0x48a5, 0x4901, 0x4905, 0x4906, 0x490a, 0x4910,
  0x4914, 0x4915, 0x4918, 0x4921, 0x4924, 0x4926, 0x4940, 0x4945, 0x494a, 0x4951, 0x4952, 0x4954, 0x4955, 0x4956, 0x4959, 0x4960,
  0x4962, 0x4965, 0x4966, 0x496a, 0x4986, 0x4989, 0x4992, 0x4995, 0x4996, 0x4998, 0x49a1, 0x49a4, 0x49a6, 0x49a9, 0x4a16, 0x4a44,
  0x4a46, 0x4a49, 0x4a55, 0x4a58, 0x4a5a, 0x4a64, 0x4a69, 0x4a94, 0x4aa5, 0x5001, 0x5004, 0x5005, 0x5006, 0x5009, 0x5012, 0x5015,
  0x501a, 0x5021, 0x5024, 0x5029, 0x5040, 0x5045, 0x5048, 0x5051, 0x5054, 0x5055, 0x5056, 0x5059, 0x5065, 0x5068, 0x5086, 0x5089,
  0x5095, 0x5098, 0x50a0, 0x50a1, 0x50a6, 0x50a9, 0x5105, 0x5108, 0x5109, 0x510a, 0x5111, 0x5114, 0x5115, 0x5116, 0x5118, 0x5119,
  0x5120, 0x5125, 0x5126, 0x5128, 0x512a, 0x5141, 0x5144, 0x5145, 0x5146, 0x5149, 0x5150, 0x5151, 0x5152, 0x5154, 0x5155, 0x5156,
  0x5158, 0x5159, 0x515a, 0x5161, 0x5164, 0x5165, 0x5166, 0x5169, 0x5182, 0x5185, 0x5191, 0x5194, 0x5195, 0x5196, 0x5199, 0x51a0,
  0x51a5, 0x51aa, 0x5201, 0x5206, 0x5212, 0x5215, 0x521a, 0x5221, 0x5224, 0x5242, 0x5245, 0x524a, 0x5251, 0x5254, 0x5255, 0x5256,
  0x5259, 0x5262, 0x5265, 0x5285, 0x5290, 0x5292, 0x5295, 0x5299, 0x529a, 0x52a4, 0x5404, 0x5405, 0x5411, 0x5414, 0x5415, 0x5416,
  0x5418, 0x5419, 0x5421, 0x5425, 0x5428, 0x542a, 0x5441, 0x5444, 0x5445, 0x5446, 0x5449, 0x544a, 0x5450, 0x5451, 0x5454, 0x5455,
  0x5456, 0x5458, 0x5459, 0x545a, 0x5461, 0x5462, 0x5464, 0x5465, 0x5466, 0x5469, 0x5480, 0x5488, 0x548a, 0x5491, 0x5494, 0x5495,
  0x5496, 0x5499, 0x54a1, 0x54a4, 0x54a5, 0x54aa, 0x5501, 0x5502, 0x5504, 0x5505, 0x5506, 0x5509, 0x5510, 0x5511, 0x5512, 0x5514,
  0x5515, 0x5516, 0x5519, 0x551a, 0x5521, 0x5524, 0x5525, 0x5526, 0x5529, 0x5540, 0x5541, 0x5542, 0x5544, 0x5545, 0x5546, 0x5548,
  0x5549, 0x5550, 0x5551, 0x5552, 0x5554, 0x5555, 0x5556, 0x5558, 0x5559, 0x555a, 0x5560, 0x5561, 0x5564, 0x5565, 0x5566, 0x5568,
  0x5569, 0x556a, 0x5581, 0x5584, 0x5585, 0x5589, 0x558a, 0x5590, 0x5591, 0x5594, 0x5595, 0x5596, 0x5598, 0x5599, 0x55a1, 0x55a4,
  0x55a5, 0x55a6, 0x55a9, 0x5600, 0x5601, 0x5602, 0x5604, 0x5606, 0x5608, 0x5609, 0x5611, 0x5614, 0x5615, 0x5618, 0x5619, 0x5620,
  0x5621, 0x5622, 0x5624, 0x5625, 0x5626, 0x5628, 0x5629, 0x5641, 0x5645, 0x5646, 0x5648, 0x5649, 0x564a, 0x5650, 0x5651, 0x5652,
  0x5654, 0x5655, 0x5656, 0x5658, 0x5659, 0x565a, 0x5661, 0x5664, 0x5665, 0x5669, 0x5682, 0x5685, 0x5686, 0x5688, 0x5689, 0x568a,
  0x5691, 0x5695, 0x569a, 0x56a2, 0x56a5, 0x56a6, 0x56a8, 0x56a9, 0x5804, 0x5805, 0x5806, 0x5809, 0x5810, 0x5815, 0x5818, 0x5821,
  0x582a, 0x5845, 0x5848, 0x584a, 0x5851, 0x5854, 0x5855, 0x5856, 0x5858, 0x5859, 0x5860, 0x5862, 0x5864, 0x5865, 0x5882, 0x5889,
  0x5890, 0x5892, 0x5895, 0x5898, 0x58a1, 0x58a9, 0x5901, 0x5902, 0x5905, 0x590a, 0x5911, 0x5914, 0x5915, 0x5916, 0x5919, 0x5925,
  0x5941, 0x5944, 0x5945, 0x5946, 0x5949, 0x5950, 0x5951, 0x5952, 0x5954, 0x5955, 0x5956, 0x5958, 0x5959, 0x595a, 0x5961, 0x5964,
  0x5965, 0x5966, 0x5969, 0x5981, 0x5985, 0x5989, 0x5991, 0x5994, 0x5995, 0x5996, 0x5998, 0x5999, 0x59a5, 0x5a04, 0x5a08, 0x5a15,
  0x5a1a, 0x5a20, 0x5a25, 0x5a26, 0x5a29, 0x5a45, 0x5a48, 0x5a49, 0x5a51, 0x5a55, 0x5a56, 0x5a58, 0x5a59, 0x5a62, 0x5a65, 0x5a68,
  0x5a6a, 0x5a81, 0x5a8a, 0x5a92, 0x5a95, 0x5a96, 0x5a98, 0x5a9a, 0x5aa1, 0x6005, 0x6014, 0x6016, 0x6019, 0x6025, 0x6044, 0x6050,
  0x6055, 0x6056, 0x6058, 0x605a, 0x6061, 0x6064, 0x6066, 0x6069, 0x6081, 0x6096, 0x60a5, 0x6101, 0x6104, 0x6106, 0x6109, 0x6112,
  0x6115, 0x6121, 0x6122, 0x6126, 0x6129, 0x6145, 0x6149, 0x6151, 0x6155, 0x6156, 0x6159, 0x6165, 0x6166, 0x616a, 0x6184, 0x618a,
  0x6192, 0x6195, 0x61a1, 0x61a6, 0x61a9, 0x6211, 0x6216, 0x6219, 0x6240, 0x6241, 0x6246, 0x6255, 0x6256, 0x6258, 0x6260, 0x6285,
  0x6291, 0x6296, 0x62a5, 0x6411, 0x6412, 0x6415, 0x6416, 0x641a, 0x6421, 0x6426, 0x6429, 0x6440, 0x6442, 0x6445, 0x6448, 0x644a,
  0x6451, 0x6454, 0x6455, 0x6456, 0x6459, 0x645a, 0x6460, 0x6462, 0x6465, 0x6484, 0x6485, 0x6489, 0x6490, 0x6492, 0x6494, 0x6495,
  0x6496, 0x6498, 0x649a, 0x64a1, 0x64a4, 0x64a9, 0x6505, 0x6508, 0x650a, 0x6511, 0x6515, 0x6516, 0x6519, 0x6544, 0x6545, 0x6546,
  0x6549, 0x6550, 0x6551, 0x6554, 0x6555, 0x6556, 0x6559, 0x6561, 0x6564, 0x6565, 0x6566, 0x6569, 0x6586, 0x6589, 0x658a, 0x6591,
  0x6595, 0x6596, 0x6599, 0x659a, 0x65a2, 0x65a5, 0x65a6, 0x65a8, 0x6602, 0x6609, 0x6615, 0x6620, 0x6626, 0x6628, 0x6629, 0x6640,
  0x6645, 0x6648, 0x664a, 0x6651, 0x6654, 0x6655, 0x6656, 0x6658, 0x665a, 0x6660, 0x6665, 0x6668, 0x6680, 0x6682, 0x6685, 0x668a,
  0x6694, 0x6696, 0x6698, 0x6699, 0x66a0, 0x66a4, 0x66a6, 0x66aa, 0x6816, 0x6819, 0x6825, 0x6841, 0x6852, 0x6855, 0x685a, 0x6861,
  0x6869, 0x6885, 0x6891, 0x6898, 0x68a6, 0x6901, 0x6904, 0x6910, 0x6915, 0x6921, 0x6924, 0x6926, 0x6929, 0x6940, 0x6941, 0x6945,
  0x6946, 0x6948, 0x6951, 0x6954, 0x6955, 0x6956, 0x6959, 0x6960, 0x6965, 0x696a, 0x6982, 0x6984, 0x698a, 0x6995, 0x69a1, 0x69a4,
  0x69a5, 0x69a9, 0x6a11, 0x6a16, 0x6a18, 0x6a41, 0x6a44, 0x6a49, 0x6a50, 0x6a55, 0x6a58, 0x6a5a, 0x6a64, 0x6a65, 0x6a69, 0x6a86,
  0x6a94, 0x6a98, 0x6a9a, 0x6aa6, 0x8000, 0x8002, 0x8008, 0x800a, 0x8020, 0x8022, 0x8028, 0x802a, 0x8045, 0x8050, 0x8051, 0x8054,
  0x8056, 0x8059, 0x8065, 0x8080, 0x8082, 0x8088, 0x808a, 0x8095, 0x80a0, 0x80a2, 0x80a8, 0x80aa, 0x8105, 0x8111, 0x8114, 0x8116,
  0x8119, 0x8125, 0x8141, 0x8144, 0x8149, 0x8150, 0x8152, 0x8155, 0x8156, 0x8158, 0x8159, 0x8164, 0x8166, 0x8169, 0x8185, 0x8189,
  0x8194, 0x8196, 0x8199, 0x81a5, 0x8200, 0x8202, 0x8208, 0x820a, 0x8215, 0x8220, 0x8222, 0x8228, 0x822a, 0x8251, 0x8254, 0x8259,
  0x8265, 0x8280, 0x8282, 0x8288, 0x828a, 0x8295, 0x82a0, 0x82a2, 0x82a8, 0x82aa, 0x8414, 0x8419, 0x8441, 0x8444, 0x8451, 0x8455,
  0x845a, 0x8461, 0x8464, 0x8469, 0x8494, 0x8499, 0x8501, 0x8509, 0x8512, 0x8515, 0x851a, 0x8526, 0x8529, 0x8540, 0x8541, 0x8545,
  0x8548, 0x8551, 0x8554, 0x8555, 0x8556, 0x8559, 0x855a, 0x8565, 0x8566, 0x8568, 0x856a, 0x8581, 0x8584, 0x8586, 0x8589, 0x8590,
  0x8592, 0x8595, 0x8598, 0x85a6, 0x8611, 0x8616, 0x8619, 0x8625, 0x8641, 0x8644, 0x8649, 0x864a, 0x8650, 0x8655, 0x8659, 0x865a,
  0x8661, 0x8666, 0x866a, 0x8685, 0x8691, 0x869a, 0x86a4, 0x8800, 0x8802, 0x8808, 0x880a, 0x8815, 0x8820, 0x8822, 0x8828, 0x882a,
  0x8841, 0x8845, 0x8851, 0x8854, 0x8859, 0x8865, 0x8869, 0x8880, 0x8882, 0x8888, 0x888a, 0x8895, 0x88a0, 0x88a2, 0x88a8, 0x88aa,
  0x8905, 0x8906, 0x8911, 0x8914, 0x8916, 0x8925, 0x8941, 0x8944, 0x8946, 0x8949, 0x8950, 0x8952, 0x8955, 0x895a, 0x8961, 0x8964,
  0x8985, 0x8996, 0x8999, 0x89a5, 0x8a00, 0x8a02, 0x8a08, 0x8a0a, 0x8a15, 0x8a20, 0x8a22, 0x8a28, 0x8a2a, 0x8a45, 0x8a51, 0x8a54,
  0x8a56, 0x8a80, 0x8a82, 0x8a88, 0x8a8a, 0x8a95, 0x8aa0, 0x8aa2, 0x8aa8, 0x8aaa, 0x9005, 0x9011, 0x9016, 0x9018, 0x9019, 0x9025,
  0x9041, 0x9046, 0x9049, 0x9055, 0x9058, 0x905a, 0x9069, 0x906a, 0x9085, 0x9091, 0x9094, 0x9096, 0x9099, 0x90a5, 0x9101, 0x9104,
  0x9106, 0x9109, 0x9110, 0x9115, 0x9118, 0x911a, 0x9121, 0x9124, 0x9126, 0x9129, 0x9140, 0x9145, 0x9150, 0x9151, 0x9154, 0x9155,
  0x9156, 0x9159, 0x9162, 0x9165, 0x9184, 0x9186, 0x9192, 0x9195, 0x9198, 0x91a1, 0x91a4, 0x91a6, 0x91a9, 0x9205, 0x9211, 0x9214,
  0x9219, 0x9225, 0x9244, 0x9246, 0x9249, 0x9250, 0x9252, 0x9255, 0x9258, 0x9266, 0x9269, 0x9285, 0x9294, 0x9296, 0x92a9, 0x9401,
  0x9404, 0x9406, 0x9410, 0x9415, 0x9418, 0x9426, 0x9440, 0x944a, 0x9451, 0x9454, 0x9455, 0x9456, 0x9458, 0x9459, 0x9460, 0x9461,
  0x9462, 0x9465, 0x9484, 0x9486, 0x9492, 0x9494, 0x9495, 0x9498, 0x94a1, 0x94a9, 0x9500, 0x9505, 0x9508, 0x950a, 0x9510, 0x9511,
  0x9514, 0x9515, 0x9516, 0x9519, 0x9521, 0x9525, 0x9529, 0x952a, 0x9541, 0x9544, 0x9545, 0x9546, 0x9549, 0x9550, 0x9551, 0x9552,
  0x9554, 0x9555, 0x9556, 0x9558, 0x9559, 0x955a, 0x9561, 0x9564, 0x9565, 0x9566, 0x9569, 0x9581, 0x9585, 0x9588, 0x9591, 0x9592,
  0x9594, 0x9595, 0x9596, 0x9599, 0x959a, 0x95a0, 0x95a2, 0x95a5, 0x95a8, 0x95aa, 0x9601, 0x9604, 0x9610, 0x9615, 0x9619, 0x9620,
  0x9626, 0x9629, 0x9645, 0x9648, 0x9649, 0x9651, 0x9652, 0x9655, 0x9656, 0x9659, 0x9665, 0x9668, 0x9682, 0x9684, 0x9689, 0x968a,
  0x9692, 0x9694, 0x9695, 0x96a4, 0x96a6, 0x96a9, 0x9805, 0x9816, 0x9819, 0x9825, 0x9841, 0x9846, 0x9850, 0x9852, 0x9855, 0x9856,
  0x985a, 0x9864, 0x9865, 0x9885, 0x9891, 0x9896, 0x9899, 0x98a5, 0x9904, 0x9906, 0x9909, 0x9910, 0x9912, 0x9915, 0x9918, 0x991a,
  0x9920, 0x9921, 0x9924, 0x9926, 0x9940, 0x9942, 0x9945, 0x9948, 0x994a, 0x9951, 0x9954, 0x9955, 0x9956, 0x9959, 0x9962, 0x9965,
  0x9966, 0x996a, 0x9981, 0x9984, 0x9990, 0x9992, 0x9995, 0x999a, 0x99a1, 0x99a6, 0x9a05, 0x9a15, 0x9a25, 0x9a44, 0x9a46, 0x9a49,
  0x9a50, 0x9a55, 0x9a58, 0x9a61, 0x9a85, 0x9a91, 0x9a94, 0x9a95, 0x9a96, 0xa000, 0xa002, 0xa008, 0xa00a, 0xa015, 0xa020, 0xa022,
  0xa028, 0xa02a, 0xa045, 0xa051, 0xa054, 0xa056, 0xa059, 0xa080, 0xa082, 0xa088, 0xa08a, 0xa095, 0xa0a0, 0xa0a2, 0xa0a8, 0xa0aa,
  0xa105, 0xa109, 0xa111, 0xa114, 0xa116, 0xa119, 0xa11a, 0xa146, 0xa149, 0xa151, 0xa155, 0xa158, 0xa15a, 0xa161, 0xa164, 0xa185,
  0xa190, 0xa192, 0xa196, 0xa199, 0xa202, 0xa208, 0xa20a, 0xa210, 0xa219, 0xa222, 0xa228, 0xa22a, 0xa245, 0xa251, 0xa256, 0xa259,
  0xa265, 0xa280, 0xa282, 0xa288, 0xa28a, 0xa295, 0xa2a0, 0xa2a2, 0xa2a8, 0xa2aa, 0xa419, 0xa425, 0xa441, 0xa444, 0xa450, 0xa454,
  0xa455, 0xa458, 0xa45a, 0xa461, 0xa465, 0xa466, 0xa468, 0xa469, 0xa485, 0xa506, 0xa509, 0xa510, 0xa512, 0xa515, 0xa518, 0xa526,
  0xa529, 0xa542, 0xa545, 0xa551, 0xa554, 0xa555, 0xa556, 0xa559, 0xa565, 0xa56a, 0xa581, 0xa584, 0xa585, 0xa586, 0xa589, 0xa592,
  0xa595, 0xa598, 0xa605, 0xa611, 0xa616, 0xa61a, 0xa621, 0xa625, 0xa644, 0xa646, 0xa64a, 0xa652, 0xa655, 0xa656, 0xa658, 0xa660,
  0xa662, 0xa686, 0xa690, 0xa695, 0xa696, 0xa699, 0xa6a1, 0xa6a4, 0xa6a6, 0xa800, 0xa802, 0xa808, 0xa80a, 0xa820, 0xa822, 0xa828,
  0xa82a, 0xa851, 0xa854, 0xa856, 0xa859, 0xa880, 0xa882, 0xa888, 0xa88a, 0xa895, 0xa8a0, 0xa8a2, 0xa8a8, 0xa8aa, 0xa905, 0xa914,
  0xa919, 0xa921, 0xa925, 0xa941, 0xa950, 0xa955, 0xa95a, 0xa961, 0xa966, 0xa969, 0xa990, 0xa996, 0xaa00, 0xaa02, 0xaa08, 0xaa0a,
  0xaa20, 0xaa22, 0xaa28, 0xaa2a, 0xaa51, 0xaa54, 0xaa56, 0xaa80, 0xaa82, 0xaa88, 0xaa8a, 0xaa95, 0xaaa0, 0xaaa2, 0xaaa8, 0xaaaa};
TABLE_LANES(grid_iq1)

#endif


#define RANGE 4.0f
#define OFFSET 5.125f
#define CHUNK_WORDS 2

#if IS_IQ1_S

#define WORDS 1
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u half_bits = TO_UINT(HALF_OF(packed, 1 + part));
  const lanes_u low = LOAD_WORD(block, 0) >> (8 * c) & 255u;
  chunk[0] = TABLE_AT(grid_iq1, low | (half_bits >> (3 * c) & 7u) << 8);
  chunk[1] = (~half_bits & 0x8000u) << 4 | ONE;
}

#else

#define WORDS 0
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u high = TO_UINT(HALF_OF(packed, 20 + part / 2)) >> (part % 2 * 8 + 4 * c);
  const lanes_u low = TO_UINT(HALF_OF(packed, 4 + part)) >> (8 * c) & 255u;
  chunk[0] = TABLE_AT(grid_iq1, low | (high & 7u) << 8);
  chunk[1] = (~high & 8u) << 16 | ONE;
}

#endif

// 1 + digit/4 + (0 or 1/16)
#define UNPACK(chunk, i) AS_FLOAT((SHIFT_TO(chunk[0], 2 * (i), 21) & 0x600000u) | chunk[1])

#elif IS_IQ2_XXS || IS_IQ2_XS || IS_IQ2_S
// Eight weights are an entry of a codebook, of 8 magnitudes 8, 25, 43, and 8 signs. A chunk is a word of nibbles: a magnitude's number,
// and bit 3 where the weight is negative.
//
// IQ2_XXS, blocks of 32: 1 word of 4 indices, 1 of signs, bit 4i + c for weight i of chunk c.
// IQ2_XS and IQ2_S, blocks of 16: 1 word: the low bytes of 2 indices, then signs, bit 16 + 2c + 4i for weight i < 4 of chunk c, bit 17 +
// 2c + 4i for weight 4 + i. The halves from FIRST_HIGH hold the HIGH_BITS high bits of each index, in order.

#if IS_IQ2_XXS
// The codebook of IQ2_XXS: 256 entries of 8 numbers of magnitudes, 4 bits each, from the lowest.
// Made by scripts/make-codebooks.

// Guarded, since what only some formats include cannot be included once.
#ifndef GRID_IQ2_XXS
#define GRID_IQ2_XXS

constant uint grid_iq2_xxs[256] = {
  0x00000000, 0x00000002, 0x00000011, 0x00000020, 0x00000022, 0x00000101, 0x00000110, 0x00000200, 0x00000202, 0x00000220,
  0x00000222, 0x00001001, 0x00001010, 0x00001100, 0x00001120, 0x00001201, 0x00001210, 0x00002000, 0x00002002, 0x00002022,
  0x00002202, 0x00010001, 0x00010010, 0x00010100, 0x00010111, 0x00011000, 0x00012010, 0x00012120, 0x00020000, 0x00020002,
  0x00020202, 0x00022002, 0x00100001, 0x00100010, 0x00100100, 0x00100201, 0x00100210, 0x00101000, 0x00101002, 0x00101020,
  0x00101200, 0x00102001, 0x00102010, 0x00102100, 0x00102210, 0x00110000, 0x00110002, 0x00110020, 0x00110200, 0x00111012,
  0x00111221, 0x00112000, 0x00112101, 0x00120021, 0x00120100, 0x00121000, 0x00122010, 0x00122210, 0x00200000, 0x00200011,
  0x00200020, 0x00200110, 0x00200220, 0x00201001, 0x00201010, 0x00201100, 0x00201102, 0x00202020, 0x00210010, 0x00211000,
  0x00220002, 0x00220110, 0x01000001, 0x01000010, 0x01000100, 0x01000201, 0x01001000, 0x01001200, 0x01002010, 0x01002100,
  0x01002111, 0x01010000, 0x01010020, 0x01010200, 0x01011100, 0x01011122, 0x01012000, 0x01020210, 0x01021011, 0x01100000,
  0x01100020, 0x01100200, 0x01100211, 0x01101021, 0x01102000, 0x01110120, 0x01111202, 0x01120000, 0x01120112, 0x01200001,
  0x01200010, 0x01200100, 0x01201000, 0x01202001, 0x01210000, 0x01210011, 0x01212200, 0x01221101, 0x02000000, 0x02000002,
  0x02000022, 0x02001010, 0x02001201, 0x02002000, 0x02002002, 0x02010221, 0x02011020, 0x02020000, 0x02020002, 0x02100001,
  0x02100010, 0x02100100, 0x02101000, 0x02101112, 0x02110000, 0x02111001, 0x02111210, 0x02122100, 0x02200020, 0x02200200,
  0x02202110, 0x02221010, 0x10000001, 0x10000010, 0x10000100, 0x10000120, 0x10000201, 0x10000210, 0x10001000, 0x10001020,
  0x10001112, 0x10001200, 0x10002001, 0x10002010, 0x10002100, 0x10010000, 0x10010200, 0x10011201, 0x10012000, 0x10012011,
  0x10020001, 0x10020100, 0x10021020, 0x10021112, 0x10021220, 0x10100000, 0x10100020, 0x10100200, 0x10102000, 0x10102121,
  0x10110102, 0x10110210, 0x10120000, 0x10200001, 0x10200010, 0x10200100, 0x10201000, 0x10201011, 0x10210000, 0x10211120,
  0x10211201, 0x10212002, 0x10221011, 0x10222100, 0x11000000, 0x11000020, 0x11000101, 0x11000121, 0x11000200, 0x11002000,
  0x11002020, 0x11010010, 0x11011002, 0x11012210, 0x11022101, 0x11102100, 0x11102102, 0x11110022, 0x11120001, 0x11121110,
  0x11200000, 0x11200101, 0x11200121, 0x11201210, 0x11211000, 0x11220020, 0x12000010, 0x12000100, 0x12001000, 0x12001220,
  0x12010000, 0x12011111, 0x12020120, 0x12021200, 0x12100000, 0x12100011, 0x12110100, 0x12110102, 0x12112010, 0x12201002,
  0x20000000, 0x20000002, 0x20000022, 0x20001001, 0x20002002, 0x20010010, 0x20010120, 0x20011000, 0x20020101, 0x20100001,
  0x20100010, 0x20100100, 0x20100111, 0x20101000, 0x20101200, 0x20110000, 0x20111012, 0x20112110, 0x20120021, 0x20121000,
  0x20121200, 0x20200002, 0x20210010, 0x20220101, 0x21000010, 0x21000100, 0x21000210, 0x21001000, 0x21002201, 0x21010112,
  0x21012000, 0x21021011, 0x21100000, 0x21100202, 0x21101010, 0x21111101, 0x21202001, 0x21210200, 0x22000002, 0x22001100,
  0x22002011, 0x22010021, 0x22020000, 0x22100120, 0x22201100, 0x22210010};
TABLE_LANES(grid_iq2_xxs)

#endif

#elif IS_IQ2_XS
// The codebook of IQ2_XS: 512 entries of 8 numbers of magnitudes, 4 bits each, from the lowest.
// Made by scripts/make-codebooks.

// Guarded, since what only some formats include cannot be included once.
#ifndef GRID_IQ2_XS
#define GRID_IQ2_XS

constant uint grid_iq2_xs[512] = {
  0x00000000, 0x00000002, 0x00000011, 0x00000020, 0x00000022, 0x00000101, 0x00000110, 0x00000112, 0x00000121, 0x00000200,
  0x00000202, 0x00000211, 0x00000220, 0x00001001, 0x00001010, 0x00001012, 0x00001021, 0x00001100, 0x00001102, 0x00001111,
  0x00001120, 0x00001201, 0x00001210, 0x00002000, 0x00002002, 0x00002011, 0x00002020, 0x00002101, 0x00002110, 0x00002121,
  0x00002200, 0x00010001, 0x00010010, 0x00010012, 0x00010021, 0x00010100, 0x00010102, 0x00010111, 0x00010120, 0x00010122,
  0x00010201, 0x00010210, 0x00011000, 0x00011002, 0x00011011, 0x00011020, 0x00011101, 0x00011110, 0x00011200, 0x00011220,
  0x00012001, 0x00012010, 0x00012100, 0x00020000, 0x00020002, 0x00020011, 0x00020020, 0x00020101, 0x00020110, 0x00020200,
  0x00021001, 0x00021010, 0x00021100, 0x00021111, 0x00022000, 0x00022022, 0x00100001, 0x00100010, 0x00100012, 0x00100021,
  0x00100100, 0x00100102, 0x00100111, 0x00100120, 0x00100201, 0x00100210, 0x00101000, 0x00101002, 0x00101011, 0x00101020,
  0x00101101, 0x00101110, 0x00101112, 0x00101200, 0x00102001, 0x00102010, 0x00102100, 0x00110000, 0x00110002, 0x00110011,
  0x00110020, 0x00110101, 0x00110110, 0x00110200, 0x00111001, 0x00111010, 0x00111100, 0x00111201, 0x00112000, 0x00120001,
  0x00120010, 0x00120100, 0x00120212, 0x00121000, 0x00121002, 0x00122010, 0x00200000, 0x00200002, 0x00200011, 0x00200020,
  0x00200022, 0x00200101, 0x00200110, 0x00200200, 0x00200211, 0x00201001, 0x00201010, 0x00201100, 0x00201120, 0x00202000,
  0x00202200, 0x00202222, 0x00210001, 0x00210010, 0x00210100, 0x00211000, 0x00212001, 0x00212021, 0x00220000, 0x00220200,
  0x00220220, 0x00222112, 0x00222200, 0x01000001, 0x01000010, 0x01000012, 0x01000021, 0x01000100, 0x01000102, 0x01000111,
  0x01000120, 0x01000201, 0x01000210, 0x01001000, 0x01001002, 0x01001011, 0x01001020, 0x01001101, 0x01001110, 0x01001200,
  0x01001222, 0x01002001, 0x01002010, 0x01002100, 0x01010000, 0x01010002, 0x01010011, 0x01010020, 0x01010101, 0x01010110,
  0x01010200, 0x01011001, 0x01011010, 0x01011100, 0x01012000, 0x01012110, 0x01012112, 0x01020001, 0x01020010, 0x01020012,
  0x01020100, 0x01021000, 0x01021200, 0x01100000, 0x01100002, 0x01100011, 0x01100020, 0x01100101, 0x01100110, 0x01100200,
  0x01101001, 0x01101010, 0x01101021, 0x01101100, 0x01101210, 0x01102000, 0x01110001, 0x01110010, 0x01110100, 0x01111000,
  0x01120000, 0x01120110, 0x01121021, 0x01200001, 0x01200010, 0x01200100, 0x01200102, 0x01201000, 0x01201110, 0x01202012,
  0x01210000, 0x01210011, 0x01211212, 0x01221101, 0x01222221, 0x02000000, 0x02000002, 0x02000011, 0x02000020, 0x02000022,
  0x02000101, 0x02000110, 0x02000200, 0x02001001, 0x02001010, 0x02001100, 0x02002000, 0x02002200, 0x02010001, 0x02010010,
  0x02010100, 0x02011000, 0x02011020, 0x02011211, 0x02020000, 0x02020202, 0x02022000, 0x02022220, 0x02100001, 0x02100010,
  0x02100100, 0x02100221, 0x02101000, 0x02110000, 0x02111001, 0x02111102, 0x02112121, 0x02120001, 0x02120122, 0x02122212,
  0x02200000, 0x02200020, 0x02200022, 0x02200200, 0x02201111, 0x02202020, 0x02202202, 0x02211220, 0x02212100, 0x02220020,
  0x02220200, 0x02222002, 0x02222020, 0x02222022, 0x10000001, 0x10000010, 0x10000012, 0x10000021, 0x10000100, 0x10000102,
  0x10000111, 0x10000120, 0x10000201, 0x10000210, 0x10001000, 0x10001002, 0x10001011, 0x10001020, 0x10001022, 0x10001101,
  0x10001110, 0x10001200, 0x10001211, 0x10002001, 0x10002010, 0x10002100, 0x10010000, 0x10010002, 0x10010011, 0x10010020,
  0x10010101, 0x10010110, 0x10010200, 0x10011001, 0x10011010, 0x10011100, 0x10012000, 0x10012011, 0x10012202, 0x10020001,
  0x10020010, 0x10020100, 0x10020102, 0x10020221, 0x10021000, 0x10100000, 0x10100002, 0x10100011, 0x10100020, 0x10100101,
  0x10100110, 0x10100121, 0x10100200, 0x10101001, 0x10101010, 0x10101100, 0x10102000, 0x10102110, 0x10110001, 0x10110010,
  0x10110100, 0x10110210, 0x10111000, 0x10112122, 0x10120000, 0x10120022, 0x10121010, 0x10121100, 0x10200001, 0x10200010,
  0x10200100, 0x10201000, 0x10201011, 0x10201110, 0x10201202, 0x10210000, 0x10210101, 0x10211010, 0x10211100, 0x10211221,
  0x10220010, 0x11000000, 0x11000002, 0x11000011, 0x11000020, 0x11000101, 0x11000110, 0x11000200, 0x11000220, 0x11001001,
  0x11001010, 0x11001100, 0x11002000, 0x11010001, 0x11010010, 0x11010100, 0x11010111, 0x11011000, 0x11011002, 0x11020000,
  0x11021010, 0x11022222, 0x11100001, 0x11100010, 0x11100100, 0x11100201, 0x11101000, 0x11101200, 0x11102001, 0x11102201,
  0x11110000, 0x11110020, 0x11112000, 0x11112020, 0x11120201, 0x11121220, 0x11122201, 0x11200000, 0x11200110, 0x11201001,
  0x11201100, 0x11202121, 0x11210122, 0x11211000, 0x11211002, 0x11222011, 0x12000001, 0x12000010, 0x12000100, 0x12001000,
  0x12001110, 0x12001202, 0x12002012, 0x12002221, 0x12010000, 0x12020210, 0x12021022, 0x12022102, 0x12100000, 0x12100112,
  0x12110100, 0x12111000, 0x12111011, 0x12112210, 0x12200001, 0x12201222, 0x12210211, 0x12220012, 0x12221110, 0x12221202,
  0x20000000, 0x20000002, 0x20000011, 0x20000020, 0x20000101, 0x20000110, 0x20000200, 0x20000222, 0x20001001, 0x20001010,
  0x20001100, 0x20002000, 0x20002002, 0x20002220, 0x20002222, 0x20010001, 0x20010010, 0x20010012, 0x20010100, 0x20011000,
  0x20011101, 0x20011121, 0x20020000, 0x20020200, 0x20022000, 0x20022002, 0x20022200, 0x20022220, 0x20100001, 0x20100010,
  0x20100100, 0x20100102, 0x20100111, 0x20101000, 0x20101200, 0x20102021, 0x20110000, 0x20111010, 0x20112211, 0x20120120,
  0x20121222, 0x20200000, 0x20200020, 0x20200211, 0x20201122, 0x20202000, 0x20202002, 0x20202220, 0x20210012, 0x20220202,
  0x20222000, 0x20222020, 0x20222112, 0x20222220, 0x21000001, 0x21000010, 0x21000100, 0x21001000, 0x21001112, 0x21002010,
  0x21010000, 0x21010202, 0x21011210, 0x21021112, 0x21022021, 0x21100000, 0x21100011, 0x21101010, 0x21101100, 0x21101120,
  0x21110221, 0x21112100, 0x21112102, 0x21121001, 0x21201101, 0x21202212, 0x21211021, 0x21220111, 0x21221200, 0x22000000,
  0x22000002, 0x22000020, 0x22000022, 0x22000200, 0x22000222, 0x22002200, 0x22011101, 0x22011121, 0x22012212, 0x22020000,
  0x22020002, 0x22020020, 0x22020222, 0x22022000, 0x22022200, 0x22101000, 0x22102111, 0x22121211, 0x22122120, 0x22200022,
  0x22200200, 0x22200202, 0x22200220, 0x22202200, 0x22202220, 0x22210010, 0x22212010, 0x22212012, 0x22220220, 0x22220222,
  0x22222101, 0x22222222};
TABLE_LANES(grid_iq2_xs)

#endif

#else
// The codebook of IQ2_S: 1024 entries of 8 numbers of magnitudes, 4 bits each, from the lowest.
// Made by scripts/make-codebooks.

// Guarded, since what only some formats include cannot be included once.
#ifndef GRID_IQ2_S
#define GRID_IQ2_S

constant uint grid_iq2_s[1024] = {
  0x00000000, 0x00000002, 0x00000011, 0x00000020, 0x00000022, 0x00000101, 0x00000110, 0x00000112, 0x00000121, 0x00000200,
  0x00000202, 0x00000211, 0x00000220, 0x00001001, 0x00001010, 0x00001012, 0x00001021, 0x00001100, 0x00001102, 0x00001111,
  0x00001120, 0x00001201, 0x00001210, 0x00001212, 0x00001221, 0x00002000, 0x00002002, 0x00002011, 0x00002020, 0x00002101,
  0x00002110, 0x00002200, 0x00002211, 0x00002222, 0x00010001, 0x00010010, 0x00010012, 0x00010021, 0x00010100, 0x00010102,
  0x00010111, 0x00010120, 0x00010201, 0x00010210, 0x00011000, 0x00011002, 0x00011011, 0x00011020, 0x00011101, 0x00011110,
  0x00011112, 0x00011121, 0x00011200, 0x00011211, 0x00011220, 0x00012001, 0x00012010, 0x00012100, 0x00012102, 0x00012111,
  0x00012201, 0x00012210, 0x00020000, 0x00020002, 0x00020011, 0x00020020, 0x00020101, 0x00020110, 0x00020200, 0x00020222,
  0x00021001, 0x00021010, 0x00021012, 0x00021021, 0x00021100, 0x00021111, 0x00022000, 0x00022011, 0x00022022, 0x00022110,
  0x00022202, 0x00100001, 0x00100010, 0x00100012, 0x00100021, 0x00100100, 0x00100102, 0x00100111, 0x00100120, 0x00100201,
  0x00100210, 0x00100212, 0x00100221, 0x00101000, 0x00101002, 0x00101011, 0x00101020, 0x00101022, 0x00101101, 0x00101110,
  0x00101112, 0x00101121, 0x00101200, 0x00101202, 0x00101211, 0x00102001, 0x00102010, 0x00102012, 0x00102021, 0x00102100,
  0x00102111, 0x00102120, 0x00102201, 0x00102210, 0x00110000, 0x00110002, 0x00110011, 0x00110020, 0x00110022, 0x00110101,
  0x00110110, 0x00110112, 0x00110121, 0x00110200, 0x00110211, 0x00110220, 0x00111001, 0x00111010, 0x00111012, 0x00111021,
  0x00111100, 0x00111102, 0x00111111, 0x00111120, 0x00111201, 0x00111210, 0x00112000, 0x00112002, 0x00112011, 0x00112020,
  0x00112101, 0x00112110, 0x00112200, 0x00120001, 0x00120010, 0x00120012, 0x00120021, 0x00120100, 0x00120111, 0x00121000,
  0x00121011, 0x00121020, 0x00121101, 0x00121110, 0x00121200, 0x00122001, 0x00122010, 0x00122100, 0x00200000, 0x00200002,
  0x00200011, 0x00200020, 0x00200101, 0x00200110, 0x00200112, 0x00200121, 0x00200200, 0x00200211, 0x00200222, 0x00201001,
  0x00201010, 0x00201012, 0x00201021, 0x00201100, 0x00201102, 0x00201111, 0x00201120, 0x00201201, 0x00201210, 0x00202000,
  0x00202011, 0x00202110, 0x00202222, 0x00210001, 0x00210010, 0x00210100, 0x00210102, 0x00210111, 0x00210120, 0x00210201,
  0x00211000, 0x00211011, 0x00211020, 0x00211101, 0x00211110, 0x00211200, 0x00212001, 0x00212100, 0x00220000, 0x00220101,
  0x00220110, 0x00220202, 0x00220220, 0x00220222, 0x00221100, 0x00222121, 0x01000001, 0x01000010, 0x01000012, 0x01000021,
  0x01000100, 0x01000102, 0x01000111, 0x01000120, 0x01000201, 0x01000210, 0x01000212, 0x01001000, 0x01001002, 0x01001011,
  0x01001020, 0x01001101, 0x01001110, 0x01001112, 0x01001121, 0x01001200, 0x01001202, 0x01001211, 0x01001220, 0x01002001,
  0x01002010, 0x01002012, 0x01002100, 0x01002111, 0x01002120, 0x01002201, 0x01002210, 0x01010000, 0x01010002, 0x01010011,
  0x01010020, 0x01010022, 0x01010101, 0x01010110, 0x01010112, 0x01010121, 0x01010200, 0x01010202, 0x01010211, 0x01010220,
  0x01011001, 0x01011010, 0x01011012, 0x01011021, 0x01011100, 0x01011102, 0x01011111, 0x01011120, 0x01011201, 0x01011210,
  0x01012000, 0x01012002, 0x01012011, 0x01012020, 0x01012101, 0x01012110, 0x01020001, 0x01020010, 0x01020021, 0x01020100,
  0x01020111, 0x01020201, 0x01020210, 0x01021000, 0x01021011, 0x01021101, 0x01021110, 0x01022001, 0x01022010, 0x01022100,
  0x01100000, 0x01100002, 0x01100011, 0x01100020, 0x01100101, 0x01100110, 0x01100112, 0x01100121, 0x01100200, 0x01100211,
  0x01100220, 0x01101001, 0x01101010, 0x01101012, 0x01101021, 0x01101100, 0x01101102, 0x01101111, 0x01101120, 0x01101201,
  0x01101210, 0x01102000, 0x01102002, 0x01102011, 0x01102020, 0x01102101, 0x01102110, 0x01102200, 0x01110001, 0x01110010,
  0x01110012, 0x01110021, 0x01110100, 0x01110102, 0x01110111, 0x01110120, 0x01110201, 0x01110210, 0x01111000, 0x01111002,
  0x01111011, 0x01111020, 0x01111101, 0x01111110, 0x01111200, 0x01112001, 0x01112010, 0x01112100, 0x01120000, 0x01120011,
  0x01120020, 0x01120101, 0x01120110, 0x01120200, 0x01121001, 0x01121010, 0x01121100, 0x01122000, 0x01122222, 0x01200001,
  0x01200010, 0x01200012, 0x01200021, 0x01200100, 0x01200111, 0x01200120, 0x01200201, 0x01201000, 0x01201002, 0x01201011,
  0x01201020, 0x01201101, 0x01201110, 0x01201200, 0x01202001, 0x01202010, 0x01210000, 0x01210002, 0x01210011, 0x01210020,
  0x01210101, 0x01210110, 0x01210200, 0x01211001, 0x01211010, 0x01211100, 0x01211221, 0x01212202, 0x01220010, 0x01220100,
  0x01221000, 0x01221112, 0x02000000, 0x02000002, 0x02000011, 0x02000020, 0x02000101, 0x02000110, 0x02000112, 0x02000121,
  0x02000200, 0x02000211, 0x02000222, 0x02001001, 0x02001010, 0x02001100, 0x02001102, 0x02001111, 0x02001210, 0x02002000,
  0x02002022, 0x02002110, 0x02002222, 0x02010001, 0x02010010, 0x02010100, 0x02010102, 0x02010111, 0x02010201, 0x02011000,
  0x02011002, 0x02011011, 0x02011101, 0x02011110, 0x02011200, 0x02012001, 0x02012010, 0x02012100, 0x02020000, 0x02020022,
  0x02020202, 0x02020220, 0x02020222, 0x02021010, 0x02021100, 0x02022020, 0x02022022, 0x02022220, 0x02100001, 0x02100010,
  0x02100012, 0x02100021, 0x02100100, 0x02100111, 0x02100120, 0x02100201, 0x02100210, 0x02101000, 0x02101002, 0x02101011,
  0x02101020, 0x02101101, 0x02101110, 0x02101200, 0x02102001, 0x02102010, 0x02102100, 0x02110000, 0x02110011, 0x02110020,
  0x02110101, 0x02110110, 0x02110200, 0x02111001, 0x02111010, 0x02111100, 0x02111212, 0x02112000, 0x02120001, 0x02120010,
  0x02120100, 0x02121000, 0x02121121, 0x02200000, 0x02200011, 0x02200101, 0x02200110, 0x02201001, 0x02201010, 0x02201100,
  0x02202022, 0x02202222, 0x02210001, 0x02210010, 0x02210100, 0x02212111, 0x02220022, 0x02220202, 0x02221210, 0x02222020,
  0x02222022, 0x10000001, 0x10000010, 0x10000012, 0x10000021, 0x10000100, 0x10000102, 0x10000111, 0x10000120, 0x10000122,
  0x10000201, 0x10000210, 0x10000212, 0x10001000, 0x10001002, 0x10001011, 0x10001020, 0x10001022, 0x10001101, 0x10001110,
  0x10001112, 0x10001121, 0x10001200, 0x10001202, 0x10001211, 0x10002001, 0x10002010, 0x10002100, 0x10002111, 0x10002120,
  0x10002201, 0x10002210, 0x10010000, 0x10010002, 0x10010011, 0x10010020, 0x10010101, 0x10010110, 0x10010112, 0x10010121,
  0x10010200, 0x10010202, 0x10010211, 0x10011001, 0x10011010, 0x10011012, 0x10011021, 0x10011100, 0x10011102, 0x10011111,
  0x10011120, 0x10011201, 0x10011210, 0x10012000, 0x10012002, 0x10012011, 0x10012020, 0x10012101, 0x10012110, 0x10012200,
  0x10020001, 0x10020010, 0x10020100, 0x10020102, 0x10020111, 0x10020120, 0x10020210, 0x10021000, 0x10021011, 0x10021020,
  0x10021101, 0x10021110, 0x10021200, 0x10022001, 0x10022010, 0x10100000, 0x10100002, 0x10100011, 0x10100020, 0x10100022,
  0x10100101, 0x10100110, 0x10100112, 0x10100121, 0x10100200, 0x10100202, 0x10100211, 0x10100220, 0x10101001, 0x10101010,
  0x10101012, 0x10101021, 0x10101100, 0x10101102, 0x10101111, 0x10101120, 0x10101201, 0x10101210, 0x10102000, 0x10102002,
  0x10102011, 0x10102020, 0x10102101, 0x10102110, 0x10102200, 0x10110001, 0x10110010, 0x10110012, 0x10110021, 0x10110100,
  0x10110102, 0x10110111, 0x10110120, 0x10110201, 0x10110210, 0x10111000, 0x10111002, 0x10111011, 0x10111020, 0x10111101,
  0x10111110, 0x10111200, 0x10111222, 0x10112001, 0x10112010, 0x10112100, 0x10120000, 0x10120002, 0x10120011, 0x10120020,
  0x10120101, 0x10120110, 0x10120200, 0x10121001, 0x10121010, 0x10121100, 0x10122000, 0x10122211, 0x10200001, 0x10200010,
  0x10200021, 0x10200100, 0x10200102, 0x10200111, 0x10200120, 0x10200201, 0x10200210, 0x10201000, 0x10201002, 0x10201011,
  0x10201020, 0x10201101, 0x10201110, 0x10201200, 0x10202010, 0x10202100, 0x10210000, 0x10210002, 0x10210011, 0x10210020,
  0x10210101, 0x10210110, 0x10210200, 0x10211001, 0x10211010, 0x10211100, 0x10212000, 0x10212112, 0x10220001, 0x10220010,
  0x10220100, 0x10221000, 0x11000000, 0x11000002, 0x11000011, 0x11000020, 0x11000101, 0x11000110, 0x11000112, 0x11000121,
  0x11000200, 0x11000202, 0x11000211, 0x11000220, 0x11001001, 0x11001010, 0x11001012, 0x11001021, 0x11001100, 0x11001102,
  0x11001111, 0x11001120, 0x11001201, 0x11001210, 0x11002000, 0x11002002, 0x11002011, 0x11002020, 0x11002101, 0x11002110,
  0x11010001, 0x11010010, 0x11010012, 0x11010021, 0x11010100, 0x11010102, 0x11010111, 0x11010120, 0x11010201, 0x11010210,
  0x11011000, 0x11011002, 0x11011011, 0x11011020, 0x11011101, 0x11011110, 0x11011200, 0x11012001, 0x11012010, 0x11012100,
  0x11020000, 0x11020011, 0x11020020, 0x11020101, 0x11020110, 0x11020200, 0x11021001, 0x11021010, 0x11021100, 0x11021221,
  0x11022000, 0x11100001, 0x11100010, 0x11100012, 0x11100021, 0x11100100, 0x11100102, 0x11100111, 0x11100120, 0x11100201,
  0x11100210, 0x11101000, 0x11101002, 0x11101011, 0x11101020, 0x11101101, 0x11101110, 0x11101200, 0x11102001, 0x11102010,
  0x11102100, 0x11110000, 0x11110002, 0x11110011, 0x11110020, 0x11110101, 0x11110110, 0x11110200, 0x11111001, 0x11111010,
  0x11111100, 0x11112000, 0x11120001, 0x11120010, 0x11120100, 0x11120212, 0x11121000, 0x11200000, 0x11200002, 0x11200011,
  0x11200020, 0x11200101, 0x11200110, 0x11200200, 0x11201001, 0x11201010, 0x11201100, 0x11201122, 0x11202000, 0x11210001,
  0x11210010, 0x11210100, 0x11211000, 0x11220000, 0x11220121, 0x11222011, 0x11222220, 0x12000001, 0x12000010, 0x12000012,
  0x12000100, 0x12000102, 0x12000111, 0x12000120, 0x12000201, 0x12000210, 0x12001000, 0x12001011, 0x12001020, 0x12001101,
  0x12001110, 0x12001200, 0x12002010, 0x12002100, 0x12010000, 0x12010002, 0x12010011, 0x12010020, 0x12010101, 0x12010110,
  0x12010200, 0x12011001, 0x12011010, 0x12011100, 0x12012000, 0x12012121, 0x12020010, 0x12020100, 0x12021000, 0x12021112,
  0x12022201, 0x12100000, 0x12100011, 0x12100020, 0x12100101, 0x12100110, 0x12100200, 0x12101001, 0x12101010, 0x12101100,
  0x12102000, 0x12110001, 0x12110010, 0x12110100, 0x12111000, 0x12111022, 0x12111220, 0x12112102, 0x12120000, 0x12122110,
  0x12200001, 0x12200010, 0x12200100, 0x12201211, 0x12202120, 0x12210000, 0x12210222, 0x12221002, 0x12222201, 0x20000000,
  0x20000002, 0x20000011, 0x20000020, 0x20000101, 0x20000110, 0x20000121, 0x20000200, 0x20000211, 0x20001001, 0x20001010,
  0x20001100, 0x20001102, 0x20001111, 0x20001120, 0x20001201, 0x20002000, 0x20002011, 0x20002101, 0x20002110, 0x20010001,
  0x20010010, 0x20010021, 0x20010100, 0x20010102, 0x20010111, 0x20010120, 0x20010201, 0x20010210, 0x20011000, 0x20011002,
  0x20011011, 0x20011020, 0x20011101, 0x20011110, 0x20012001, 0x20012010, 0x20012100, 0x20012221, 0x20020000, 0x20020011,
  0x20020022, 0x20020101, 0x20020110, 0x20021001, 0x20021010, 0x20021100, 0x20100001, 0x20100010, 0x20100012, 0x20100021,
  0x20100100, 0x20100102, 0x20100111, 0x20100120, 0x20100201, 0x20101000, 0x20101002, 0x20101011, 0x20101020, 0x20101101,
  0x20101110, 0x20101200, 0x20102001, 0x20102010, 0x20102100, 0x20110000, 0x20110002, 0x20110011, 0x20110020, 0x20110101,
  0x20110110, 0x20110200, 0x20111001, 0x20111010, 0x20111100, 0x20112000, 0x20112022, 0x20120001, 0x20120010, 0x20120100,
  0x20120221, 0x20121000, 0x20200000, 0x20200011, 0x20200101, 0x20200110, 0x20201001, 0x20201010, 0x20201100, 0x20202202,
  0x20210001, 0x20210010, 0x20211000, 0x20211211, 0x20220202, 0x20221120, 0x20221122, 0x20222002, 0x20222202, 0x21000001,
  0x21000010, 0x21000021, 0x21000100, 0x21000102, 0x21000111, 0x21000120, 0x21000210, 0x21001000, 0x21001002, 0x21001011,
  0x21001020, 0x21001101, 0x21001110, 0x21001200, 0x21002001, 0x21002010, 0x21002100, 0x21010000, 0x21010011, 0x21010101,
  0x21010110, 0x21011001, 0x21011010, 0x21011100, 0x21011122, 0x21020001, 0x21020010, 0x21020100, 0x21021000, 0x21022212,
  0x21100000, 0x21100002, 0x21100011, 0x21100020, 0x21100101, 0x21100110, 0x21100200, 0x21101001, 0x21101010, 0x21101100,
  0x21102000, 0x21102112, 0x21110001, 0x21110010, 0x21110100, 0x21111000, 0x21112120, 0x21112201, 0x21120000, 0x21121012,
  0x21121210, 0x21200001, 0x21200010, 0x21200100, 0x21200212, 0x21201000, 0x21202221, 0x21210000, 0x21211021, 0x21211102,
  0x21222100, 0x22000000, 0x22000011, 0x22000022, 0x22000110, 0x22000202, 0x22000222, 0x22001001, 0x22001010, 0x22001100,
  0x22002202, 0x22002222, 0x22011000, 0x22011211, 0x22020002, 0x22020022, 0x22020202, 0x22020220, 0x22020222, 0x22022002,
  0x22022020, 0x22022022, 0x22022220, 0x22100001, 0x22100010, 0x22100100, 0x22101000, 0x22102021, 0x22102210, 0x22110000,
  0x22110121, 0x22121101, 0x22200022, 0x22200220, 0x22202202, 0x22211110, 0x22212012, 0x22220020, 0x22220022, 0x22220200,
  0x22220202, 0x22220220, 0x22222020, 0x22222222};
TABLE_LANES(grid_iq2_s)

#endif

#endif

#define OFFSET 43.0f
#define VALUES(of) of(51, 68, 86, 43, 43, 43, 43, 43, 35, 18, 0, 43, 43, 43, 43, 43)

// What unpacks nibbles that stand for the values of a table, VALUES less OFFSET, bytes without a sign. SET_CHUNK(chunk, word) makes a
// chunk of a word of 8, in order of k.


#ifdef BYTES_AT
// The values of even nibbles, then of odd ones.
#define TOP_PLACE 16
#define CHUNK_WORDS 2
#define SET_CHUNK(chunk, word)                                    \
  do {                                                            \
    const lanes_u nibbles = word;                                 \
    (chunk)[0] = BYTES_AT(VALUES, nibbles & 0x0f0f0f0fu);         \
    (chunk)[1] = BYTES_AT(VALUES, nibbles >> 4 & 0x0f0f0f0fu);    \
  } while (0)
#define FIELD 255
#define FROM(i) ((i) / 2 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], FROM(i))
#else
#define RANGE 1.0f
#define CHUNK_WORDS 1
#define SET_CHUNK(chunk, word) (chunk)[0] = word
#define UNPACK(chunk, i) LOOKUP_16(VALUES, chunk[0] >> (4 * (i)))
#endif


#if IS_IQ2_XXS

#define WORDS 2
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u index = LOAD_WORD(block, 0) >> (8 * c) & 255u;
  SET_CHUNK(chunk, TABLE_AT(grid_iq2_xxs, index) | (LOAD_WORD(block, 1) << (3 - c) & 0x88888888u));
}

#else

#define WORDS 1
#if IS_IQ2_XS
#define HIGH_BITS 1
#else
#define HIGH_BITS 2
#endif
#define FIRST_HIGH 5
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const uint at = (part * 2 + c) * HIGH_BITS;
  const lanes_u high = TO_UINT(HALF_OF(packed, FIRST_HIGH + at / 16)) >> (at % 16) & ((1u << HIGH_BITS) - 1);
  const lanes_u word = LOAD_WORD(block, 0);
  const lanes_u index = (word >> (8 * c) & 255u) | high << 8;
  const lanes_u signs = (word >> (13 + 2 * c) & 0x00008888u) | (word << (2 - 2 * c) & 0x88880000u);
#if IS_IQ2_XS
  SET_CHUNK(chunk, TABLE_AT(grid_iq2_xs, index) | signs);
#else
  SET_CHUNK(chunk, TABLE_AT(grid_iq2_s, index) | signs);
#endif
}

#endif

#elif IS_IQ3_XXS || IS_IQ3_S
// Four weights are an entry of a codebook, of 4 magnitudes of 8 values, and 4 signs. Blocks of 32: 1 word of signs, bit 4i + c for
// weight i of chunk c, and 2 of 8 indices, or their low bytes. IQ3_S has the indices' ninth bits in the halves from FIRST_HIGH, in order.
// A chunk is a word of nibbles: a magnitude's number, and bit 3 where the weight is negative.

#if IS_IQ3_XXS
// The codebook of IQ3_XXS: 256 entries of 4 numbers of magnitudes, 4 bits each, from the lowest.
// Made by scripts/make-codebooks.

// Guarded, since what only some formats include cannot be included once.
#ifndef GRID_IQ3_XXS
#define GRID_IQ3_XXS

constant ushort grid_iq3_xxs[256] = {
  0x0000, 0x0002, 0x0004, 0x0011, 0x0013, 0x0017, 0x0020, 0x0022, 0x0031, 0x0042, 0x0073, 0x0075, 0x0101, 0x0103, 0x0110, 0x0112,
  0x0121, 0x0125, 0x0130, 0x0132, 0x0141, 0x0154, 0x0170, 0x0200, 0x0202, 0x0204, 0x0211, 0x0220, 0x0222, 0x0231, 0x0233, 0x0237,
  0x0251, 0x0257, 0x0275, 0x0301, 0x0307, 0x0310, 0x0312, 0x0325, 0x0370, 0x0413, 0x0437, 0x0444, 0x0457, 0x0473, 0x0475, 0x0501,
  0x0507, 0x0532, 0x0552, 0x0635, 0x0664, 0x0710, 0x0714, 0x0716, 0x0743, 0x0761, 0x1001, 0x1003, 0x1010, 0x1012, 0x1021, 0x1023,
  0x1030, 0x1032, 0x1034, 0x1047, 0x1050, 0x1100, 0x1102, 0x1111, 0x1120, 0x1122, 0x1201, 0x1203, 0x1210, 0x1212, 0x1221, 0x1230,
  0x1272, 0x1300, 0x1302, 0x1320, 0x1331, 0x1346, 0x1366, 0x1401, 0x1405, 0x1450, 0x1520, 0x1524, 0x1546, 0x1571, 0x1605, 0x1722,
  0x1740, 0x2000, 0x2002, 0x2011, 0x2013, 0x2020, 0x2022, 0x2026, 0x2031, 0x2042, 0x2101, 0x2103, 0x2105, 0x2110, 0x2112, 0x2121,
  0x2130, 0x2163, 0x2167, 0x2170, 0x2200, 0x2202, 0x2211, 0x2217, 0x2220, 0x2222, 0x2237, 0x2240, 0x2255, 0x2301, 0x2310, 0x2314,
  0x2370, 0x2374, 0x2435, 0x2453, 0x2503, 0x2527, 0x2541, 0x2574, 0x2701, 0x2703, 0x2716, 0x2745, 0x3001, 0x3010, 0x3012, 0x3021,
  0x3023, 0x3050, 0x3065, 0x3072, 0x3100, 0x3102, 0x3120, 0x3131, 0x3144, 0x3146, 0x3201, 0x3203, 0x3210, 0x3225, 0x3252, 0x3272,
  0x3311, 0x3333, 0x3430, 0x3447, 0x3472, 0x3500, 0x3506, 0x3522, 0x3555, 0x3614, 0x3636, 0x3663, 0x3733, 0x3760, 0x4004, 0x4017,
  0x4035, 0x4037, 0x4053, 0x4057, 0x4174, 0x4220, 0x4237, 0x4240, 0x4260, 0x4266, 0x4307, 0x4345, 0x4404, 0x4451, 0x4464, 0x4525,
  0x4543, 0x4570, 0x4705, 0x4710, 0x4712, 0x4730, 0x5012, 0x5041, 0x5070, 0x5100, 0x5106, 0x5126, 0x5155, 0x5214, 0x5232, 0x5272,
  0x5302, 0x5353, 0x5410, 0x5423, 0x5427, 0x5472, 0x5502, 0x5531, 0x5650, 0x5724, 0x5742, 0x6024, 0x6044, 0x6046, 0x6064, 0x6121,
  0x6161, 0x6217, 0x6264, 0x6330, 0x6336, 0x6444, 0x6505, 0x6552, 0x6633, 0x6703, 0x6721, 0x7003, 0x7005, 0x7007, 0x7010, 0x7032,
  0x7052, 0x7126, 0x7140, 0x7212, 0x7245, 0x7252, 0x7300, 0x7315, 0x7333, 0x7360, 0x7421, 0x7441, 0x7500, 0x7502, 0x7524, 0x7630};
TABLE_LANES(grid_iq3_xxs)

#endif

#else
// The codebook of IQ3_S: 512 entries of 4 numbers of magnitudes, 4 bits each, from the lowest.
// Made by scripts/make-codebooks.

// Guarded, since what only some formats include cannot be included once.
#ifndef GRID_IQ3_S
#define GRID_IQ3_S

constant ushort grid_iq3_s[512] = {
  0x0000, 0x0001, 0x0002, 0x0005, 0x0007, 0x0010, 0x0011, 0x0012, 0x0014, 0x0016, 0x0020, 0x0021, 0x0025, 0x0033, 0x0040, 0x0042,
  0x0045, 0x0047, 0x0051, 0x0053, 0x0060, 0x0062, 0x0071, 0x0074, 0x0077, 0x0100, 0x0101, 0x0102, 0x0104, 0x0110, 0x0111, 0x0115,
  0x0120, 0x0123, 0x0127, 0x0131, 0x0135, 0x0144, 0x0161, 0x0165, 0x0172, 0x0200, 0x0201, 0x0205, 0x0207, 0x0210, 0x0213, 0x0216,
  0x0221, 0x0225, 0x0230, 0x0234, 0x0242, 0x0245, 0x0247, 0x0251, 0x0253, 0x0270, 0x0273, 0x0303, 0x0311, 0x0315, 0x0320, 0x0322,
  0x0331, 0x0333, 0x0336, 0x0344, 0x0350, 0x0352, 0x0367, 0x0371, 0x0375, 0x0400, 0x0413, 0x0417, 0x0421, 0x0424, 0x0432, 0x0440,
  0x0443, 0x0451, 0x0470, 0x0502, 0x0504, 0x0520, 0x0522, 0x0526, 0x0533, 0x0541, 0x0545, 0x0547, 0x0566, 0x0573, 0x0606, 0x0611,
  0x0613, 0x0631, 0x0652, 0x0671, 0x0700, 0x0702, 0x0704, 0x0720, 0x0722, 0x0726, 0x0733, 0x0750, 0x0754, 0x1000, 0x1001, 0x1002,
  0x1004, 0x1010, 0x1011, 0x1013, 0x1015, 0x1017, 0x1020, 0x1022, 0x1031, 0x1034, 0x1036, 0x1054, 0x1056, 0x1061, 0x1072, 0x1100,
  0x1101, 0x1103, 0x1106, 0x1110, 0x1114, 0x1121, 0x1130, 0x1133, 0x1141, 0x1150, 0x1152, 0x1170, 0x1176, 0x1200, 0x1212, 0x1215,
  0x1217, 0x1220, 0x1224, 0x1232, 0x1240, 0x1243, 0x1255, 0x1260, 0x1272, 0x1301, 0x1304, 0x1307, 0x1310, 0x1313, 0x1321, 0x1327,
  0x1330, 0x1334, 0x1341, 0x1362, 0x1370, 0x1403, 0x1405, 0x1412, 0x1414, 0x1431, 0x1433, 0x1442, 0x1446, 0x1450, 0x1454, 0x1501,
  0x1510, 0x1513, 0x1521, 0x1530, 0x1532, 0x1551, 0x1620, 0x1624, 0x1627, 0x1644, 0x1646, 0x1701, 0x1703, 0x1710, 0x1712, 0x1721,
  0x1735, 0x1741, 0x1762, 0x1770, 0x2000, 0x2001, 0x2003, 0x2005, 0x2007, 0x2010, 0x2012, 0x2014, 0x2016, 0x2021, 0x2023, 0x2027,
  0x2030, 0x2032, 0x2041, 0x2043, 0x2045, 0x2050, 0x2052, 0x2067, 0x2070, 0x2073, 0x2075, 0x2100, 0x2102, 0x2110, 0x2113, 0x2117,
  0x2122, 0x2125, 0x2131, 0x2134, 0x2142, 0x2151, 0x2201, 0x2204, 0x2207, 0x2221, 0x2223, 0x2230, 0x2237, 0x2241, 0x2253, 0x2257,
  0x2271, 0x2274, 0x2300, 0x2302, 0x2305, 0x2311, 0x2322, 0x2324, 0x2331, 0x2333, 0x2342, 0x2350, 0x2366, 0x2401, 0x2407, 0x2420,
  0x2423, 0x2432, 0x2435, 0x2441, 0x2472, 0x2475, 0x2504, 0x2511, 0x2522, 0x2537, 0x2540, 0x2553, 0x2570, 0x2600, 0x2602, 0x2607,
  0x2621, 0x2655, 0x2661, 0x2705, 0x2711, 0x2726, 0x2730, 0x2743, 0x2750, 0x3002, 0x3011, 0x3013, 0x3015, 0x3017, 0x3022, 0x3031,
  0x3033, 0x3035, 0x3042, 0x3044, 0x3047, 0x3051, 0x3063, 0x3071, 0x3101, 0x3103, 0x3105, 0x3114, 0x3121, 0x3123, 0x3140, 0x3160,
  0x3172, 0x3176, 0x3200, 0x3212, 0x3220, 0x3232, 0x3234, 0x3250, 0x3301, 0x3310, 0x3314, 0x3321, 0x3323, 0x3327, 0x3330, 0x3341,
  0x3343, 0x3347, 0x3355, 0x3373, 0x3403, 0x3411, 0x3416, 0x3422, 0x3431, 0x3452, 0x3460, 0x3464, 0x3501, 0x3510, 0x3512, 0x3525,
  0x3532, 0x3544, 0x3556, 0x3573, 0x3616, 0x3641, 0x3701, 0x3703, 0x3720, 0x3722, 0x3735, 0x4000, 0x4004, 0x4012, 0x4020, 0x4024,
  0x4027, 0x4032, 0x4041, 0x4050, 0x4070, 0x4102, 0x4107, 0x4111, 0x4113, 0x4122, 0x4130, 0x4135, 0x4143, 0x4151, 0x4155, 0x4201,
  0x4203, 0x4210, 0x4215, 0x4221, 0x4233, 0x4240, 0x4257, 0x4262, 0x4270, 0x4304, 0x4311, 0x4313, 0x4320, 0x4322, 0x4331, 0x4335,
  0x4400, 0x4402, 0x4424, 0x4437, 0x4440, 0x4471, 0x4505, 0x4507, 0x4521, 0x4562, 0x4613, 0x4634, 0x4660, 0x4710, 0x4715, 0x4730,
  0x4743, 0x4751, 0x5002, 0x5010, 0x5014, 0x5022, 0x5040, 0x5044, 0x5047, 0x5052, 0x5066, 0x5074, 0x5101, 0x5103, 0x5105, 0x5112,
  0x5121, 0x5132, 0x5172, 0x5200, 0x5211, 0x5223, 0x5230, 0x5236, 0x5253, 0x5302, 0x5307, 0x5310, 0x5327, 0x5344, 0x5351, 0x5365,
  0x5373, 0x5401, 0x5404, 0x5420, 0x5432, 0x5446, 0x5512, 0x5526, 0x5551, 0x5553, 0x5642, 0x5702, 0x5704, 0x5722, 0x6011, 0x6013,
  0x6015, 0x6031, 0x6033, 0x6060, 0x6100, 0x6120, 0x6127, 0x6164, 0x6212, 0x6234, 0x6242, 0x6255, 0x6262, 0x6270, 0x6300, 0x6314,
  0x6321, 0x6340, 0x6425, 0x6443, 0x6462, 0x6500, 0x6503, 0x6534, 0x6560, 0x6605, 0x6640, 0x6711, 0x6713, 0x7000, 0x7004, 0x7007,
  0x7020, 0x7022, 0x7036, 0x7040, 0x7054, 0x7062, 0x7102, 0x7111, 0x7124, 0x7143, 0x7145, 0x7201, 0x7204, 0x7210, 0x7216, 0x7221,
  0x7230, 0x7251, 0x7302, 0x7332, 0x7335, 0x7353, 0x7401, 0x7405, 0x7413, 0x7420, 0x7450, 0x7522, 0x7542, 0x7602, 0x7631, 0x7700};
TABLE_LANES(grid_iq3_s)

#endif

#endif

#define WORDS 3
#define FIRST_HIGH 3

#if IS_IQ3_XXS
#define OFFSET 62.0f
#define VALUES(of) of(66, 74, 82, 90, 98, 106, 114, 124, 58, 50, 42, 34, 26, 18, 10, 0)
#else
#define OFFSET 15.0f
#define VALUES(of) of(16, 18, 20, 22, 24, 26, 28, 30, 14, 12, 10, 8, 6, 4, 2, 0)
#endif

// What unpacks nibbles that stand for the values of a table, VALUES less OFFSET, bytes without a sign. SET_CHUNK(chunk, word) makes a
// chunk of a word of 8, in order of k.


#ifdef BYTES_AT
// The values of even nibbles, then of odd ones.
#define TOP_PLACE 16
#define CHUNK_WORDS 2
#define SET_CHUNK(chunk, word)                                    \
  do {                                                            \
    const lanes_u nibbles = word;                                 \
    (chunk)[0] = BYTES_AT(VALUES, nibbles & 0x0f0f0f0fu);         \
    (chunk)[1] = BYTES_AT(VALUES, nibbles >> 4 & 0x0f0f0f0fu);    \
  } while (0)
#define FIELD 255
#define FROM(i) ((i) / 2 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], FROM(i))
#else
#define RANGE 1.0f
#define CHUNK_WORDS 1
#define SET_CHUNK(chunk, word) (chunk)[0] = word
#define UNPACK(chunk, i) LOOKUP_16(VALUES, chunk[0] >> (4 * (i)))
#endif


static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u indices = LOAD_WORD(block, 1 + c / 2) >> (16 * (c % 2));
  const lanes_u signs = LOAD_WORD(block, 0) << (3 - c) & 0x88888888u;
#if IS_IQ3_XXS
  SET_CHUNK(chunk,
            TABLE_AT(grid_iq3_xxs, indices & 255u) | TABLE_AT(grid_iq3_xxs, indices >> 8 & 255u) << 16 | signs);
#else
  const lanes_u high = TO_UINT(HALF_OF(packed, FIRST_HIGH + part / 2)) >> (part % 2 * 8 + 2 * c);
  SET_CHUNK(chunk, TABLE_AT(grid_iq3_s, (indices & 255u) | (high & 1u) << 8) |
                       TABLE_AT(grid_iq3_s, (indices >> 8 & 255u) | (high & 2u) << 7) << 16 | signs);
#endif
}

#endif

#if defined(FIELD) && IN_PLACE
#define PLACE(i) PLACE_OF(FROM(i))
#else
#define PLACE(i) 0
#endif
#if defined(FIELD) && !SIMT
#define RANGE (1.0f / (1 << TOP_PLACE))
#elif defined(FIELD)
#define RANGE 1.0f
#endif
#if !defined(TOP_PLACE) || SIMT
#undef TOP_PLACE
#define TOP_PLACE 0
#endif

#if IS_F32 || IS_F16 || IS_BF16
#define SCALES 0
#define BLOCKS_PER_SCALE 1
#elif IS_Q4_1 || IS_Q5_1
// A block's weights are d · q + m, halves d and m, q = RANGE · UNPACK: Q4_1, Q5_1.

#define SCALES 2
#define BLOCKS_PER_SCALE 1

static inline void load_scale(PACKED packed, const int block, lanes_f *scale, lanes_f *minimum) {
  *scale = HALF_VALUE(packed, 0) * RANGE;
  *minimum = HALF_VALUE(packed, 1);
}

#define MINIMUM(scale, minimum, range) (minimum)

static inline lanes_f dequantized(PACKED packed, int block, lanes_f unpacked) {
  return HALF_VALUE(packed, 0) * (unpacked * RANGE) + HALF_VALUE(packed, 1);
}

#elif IS_Q2_K || IS_Q4_K || IS_Q5_K
// A block's weights are d · scale · q − dmin · minimum, q = RANGE · UNPACK.
//
//   Q4_K, Q5_K   8 blocks, scale and minimum of 6 bits. The halves are d, dmin, then 6 of 16 bits whose low 12 are
//                scale | minimum << 6 of blocks 0 to 5; block 6's 12 bits are the top 4 of the first three, block 7's of the last three.
//   Q2_K         16 blocks, scale and minimum of 4 bits. The halves are d, dmin, then 8 of two bytes scale | minimum << 4.

#if IS_Q2_K

#define SCALES 10
#define BLOCKS_PER_SCALE 16
#define SCALE_BITS 4

static inline lanes_u scale_pair(PACKED packed, int block) {
  return TO_UINT(HALF_OF(packed, 2 + block / 2)) >> (block % 2 * 8) & 0xffu;
}

#else

#define SCALES 8
#define BLOCKS_PER_SCALE 8
#define SCALE_BITS 6

static inline lanes_u scale_pair(PACKED packed, int block) {
  if (block < 6) return TO_UINT(HALF_OF(packed, 2 + block)) & 0xfffu;
  const int first = 2 + 3 * (block - 6);
  return TO_UINT(HALF_OF(packed, first)) >> 12 | TO_UINT(HALF_OF(packed, first + 1)) >> 12 << 4 |
         TO_UINT(HALF_OF(packed, first + 2)) >> 12 << 8;
}

#endif

static inline void load_scale(PACKED packed, const int block, lanes_f *scale, lanes_f *minimum) {
  const lanes_u pair = scale_pair(packed, block);
  *scale = HALF_VALUE(packed, 0) * RANGE * TO_FLOAT(pair & ((1u << SCALE_BITS) - 1));
  *minimum = -HALF_VALUE(packed, 1) * TO_FLOAT(pair >> SCALE_BITS);
}

#define MINIMUM(scale, minimum, range) (minimum)

static inline lanes_f dequantized(PACKED packed, int block, lanes_f unpacked) {
  const lanes_u pair = scale_pair(packed, block);
  const lanes_f scale = HALF_VALUE(packed, 0) * TO_FLOAT(pair & ((1u << SCALE_BITS) - 1));
  return scale * (unpacked * RANGE) - HALF_VALUE(packed, 1) * TO_FLOAT(pair >> SCALE_BITS);
}

#else
// A block's weights are s · (RANGE · UNPACK − OFFSET), s = block_scale(packed, block), which each format defines here.
//
//   Q4_0, Q5_0, Q8_0, IQ4_NL   s = d, a half
//   MXFP4                      s = 2^(e − 128), E8M0: the half is e
//   TQ1_0, TQ2_0               s = d, for 8 blocks; TQ1_0 has its digits behind it
//   Q6_K                       s = d · a signed byte; halves: d, 8 pairs
//   Q3_K                       s = d · (6 bits − 32); halves: d, 4 of four low nibbles, 2 of eight high pairs, then the quants' high bits
//   IQ4_XS                     s = d · (6 bits − 32); halves: d, 1 of eight high pairs, 2 of four low nibbles
//   IQ2_*, IQ3_*               s = d · (4 bits + 1/2) · a power of 2; halves: d, four nibbles each, then what quantization/codebook_*.cl says
//   IQ1_S, IQ1_M               s = d · (2 · 3 bits + 1); halves: codebook_1.cl; IQ1_S: d first, bits 12 to 14 of a block's half;
//                              IQ1_M: four of 4 scales each, whose top nibbles are d

// Number i of the nibbles in order from half `first`, and of the pairs of bits.
#define NIBBLE_OF(packed, first, i) (TO_UINT(HALF_OF(packed, (first) + (i) / 4)) >> ((i) % 4 * 4) & 15u)
#define PAIR_OF(packed, first, i) (TO_UINT(HALF_OF(packed, (first) + (i) / 8)) >> ((i) % 8 * 2) & 3u)

#if IS_MXFP4
#define SCALES 1
#define BLOCKS_PER_SCALE 1
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u e = TO_UINT(HALF_OF(packed, 0));
  return AS_FLOAT(e < 2u ? (lanes_u)0x00200000u << e : (e - 1u) << 23);
}
#elif IS_TQ1_0 || IS_TQ2_0
#define SCALES (IS_TQ1_0 ? 27 : 1)
#define BLOCKS_PER_SCALE 8
static inline lanes_f block_scale(PACKED packed, int block) { return HALF_VALUE(packed, 0); }
#elif IS_Q6_K
#define SCALES 9
#define BLOCKS_PER_SCALE 16
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u pair = TO_UINT(HALF_OF(packed, 1 + block / 2));
  // Sign-extend the byte: flip its top bit, take 128 away.
  return HALF_VALUE(packed, 0) * (TO_FLOAT((block % 2 ? pair >> 8 : pair & 0xffu) ^ 0x80u) - 128.0f);
}
#elif IS_Q3_K
#define SCALES 23
#define BLOCKS_PER_SCALE 16
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u bits = NIBBLE_OF(packed, 1, block) | PAIR_OF(packed, 5, block) << 4;
  return HALF_VALUE(packed, 0) * (TO_FLOAT(bits) - 32.0f);
}
#elif IS_IQ4_XS
#define SCALES 4
#define BLOCKS_PER_SCALE 8
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u bits = NIBBLE_OF(packed, 2, block) | PAIR_OF(packed, 1, block) << 4;
  return HALF_VALUE(packed, 0) * (TO_FLOAT(bits) - 32.0f);
}
#elif IS_IQ2_XXS || IS_IQ2_XS || IS_IQ2_S
#define SCALES (IS_IQ2_XXS ? 3 : IS_IQ2_XS ? 7 : 9)
#define BLOCKS_PER_SCALE (IS_IQ2_XXS ? 8 : 16)
static inline lanes_f block_scale(PACKED packed, int block) {
  return HALF_VALUE(packed, 0) * (TO_FLOAT(NIBBLE_OF(packed, 1, block)) + 0.5f) * 0.25f;
}
#elif IS_IQ3_XXS || IS_IQ3_S
#define SCALES (IS_IQ3_XXS ? 3 : 7)
#define BLOCKS_PER_SCALE 8
static inline lanes_f block_scale(PACKED packed, int block) {
  return HALF_VALUE(packed, 0) * (TO_FLOAT(NIBBLE_OF(packed, 1, block)) + 0.5f) * (IS_IQ3_XXS ? 0.5f : 2.0f);
}
#elif IS_IQ1_S
#define SCALES 9
#define BLOCKS_PER_SCALE 8
static inline lanes_f block_scale(PACKED packed, int block) {
  return HALF_VALUE(packed, 0) * TO_FLOAT((TO_UINT(HALF_OF(packed, 1 + block)) >> 11 & 14u) + 1u);
}
#elif IS_IQ1_M
#define SCALES 28
#define BLOCKS_PER_SCALE 16
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u d = TO_UINT(HALF_OF(packed, 0)) >> 12 | (TO_UINT(HALF_OF(packed, 1)) >> 8 & 0xf0u) |
                    (TO_UINT(HALF_OF(packed, 2)) >> 4 & 0xf00u) | (TO_UINT(HALF_OF(packed, 3)) & 0xf000u);
  return half_to_float(d) * TO_FLOAT((TO_UINT(HALF_OF(packed, block / 4)) >> (block % 4 * 3) & 7u) * 2u + 1u);
}
#else
#define SCALES 1
#define BLOCKS_PER_SCALE 1
static inline lanes_f block_scale(PACKED packed, int block) { return HALF_VALUE(packed, 0); }
#endif

static inline void load_scale(PACKED packed, const int block, lanes_f *scale, lanes_f *minimum) {
  *scale = block_scale(packed, block) * RANGE;
}

// Exact: RANGE is a power of two.
#define MINIMUM(scale, minimum, range) ((scale) * (-OFFSET / (range)))

static inline lanes_f dequantized(PACKED packed, int block, lanes_f unpacked) {
  return block_scale(packed, block) * (unpacked * RANGE - OFFSET);
}

#endif

#if SCALES > 0
// What load_scale, which each format defines, gives of every block under one set of scales.
static inline void load_scales(PACKED packed, lanes_f *scale, lanes_f *minimum) {
#pragma unroll
  for (int j = 0; j < BLOCKS_PER_SCALE; ++j) load_scale(packed, j, &scale[j], &minimum[j]);
}
#endif

#if SIMT

// Blocks whose words are whole loads of ASIDE words, and their words; a row's blocks are a multiple.
#define UNIT_BLOCKS (WORDS % ASIDE == 0 ? 1 : WORDS * 2 % ASIDE == 0 ? 2 : 4)
// Elements of an array of a block's words, or a unit's: formats whose quants are with the scales have none.
#define HELD_WORDS (WORDS > 0 ? WORDS : 1)
#define HELD_UNIT (HELD_WORDS * UNIT_BLOCKS)

// Where a row's words begin, `lane` of `group`; and word i of them, behind that.
static inline ulong row_at(uint group, uint lane, uint blocks) {
  return (ulong)(group / PANEL_GROUPS) * blocks * (WORDS * PANEL_ROWS) + (group % PANEL_GROUPS * LANES + lane) * ASIDE;
}
#define WORD_OF_ROW(i) ((i) / ASIDE * (ASIDE * PANEL_ROWS) + (i) % ASIDE)

// The words of the UNIT_BLOCKS blocks from UNIT_BLOCKS · unit on, of a row that row_at has found.
static inline void load_unit(global const uint *row, const uint unit, uint *words) {
  row += unit * (WORDS * UNIT_BLOCKS * PANEL_ROWS);
#pragma unroll
  for (uint i = 0; i < WORDS * UNIT_BLOCKS / ASIDE; ++i) {
#if ASIDE == 4
    const uint4 loaded = ((global const uint4 *)row)[i * PANEL_ROWS];
    words[4 * i] = loaded.x;
    words[4 * i + 1] = loaded.y;
    words[4 * i + 2] = loaded.z;
    words[4 * i + 3] = loaded.w;
#else
#pragma unroll
    for (uint j = 0; j < ASIDE; ++j) words[i * ASIDE + j] = row[i * ASIDE * PANEL_ROWS + j];
#endif
  }
}

// The words of one block.
static inline void load_words(global const uint *row, const uint block, uint *words) {
#if WORDS % ASIDE == 0
  load_unit(row, block, words);
#else
#pragma unroll
  for (uint w = 0; w < WORDS; ++w) words[w] = row[WORD_OF_ROW(block * WORDS + w)];
#endif
}

#else

// Where a group's block begins in the plane of quants, in words.
static inline ulong quants_at(uint group, uint block, uint blocks) {
  return (((ulong)(group / PANEL_GROUPS) * blocks + block) * WORDS * PANEL_GROUPS + group % PANEL_GROUPS) * LANES;
}

#endif

// Where a group's set of scales begins in the plane of scales, in halves.
static inline ulong scales_at(uint group, uint super, uint supers) {
  return (((ulong)(group / PANEL_GROUPS) * supers + super) * PANEL_GROUPS + group % PANEL_GROUPS) * SCALES * LANES;
}

#if !SIMT
// How far ahead of its use a weight is fetched into the cache.
#ifndef PREFETCH_WORDS
#define PREFETCH_WORDS 512
#endif
// Fetches what load_chunk will want of a chunk c further on. CPUs' own prefetchers fall behind where others interfere; with
// AVX-512 they keep up with wide formats. PoCL ignores OpenCL's prefetch.
#if WORDS == 0 || (defined(__AVX512F__) && WORDS >= 8)
#define FETCH_AHEAD(block, c)
#elif defined(__AVX2__)
#define FETCH_AHEAD(block, c) __builtin_prefetch((const void *)(ulong)((block) + (c) * PANEL_ROWS + PREFETCH_WORDS))
#else
#define FETCH_AHEAD(block, c) prefetch((block) + (c) * PANEL_ROWS + PREFETCH_WORDS, LANES)
#endif
#endif

// Which tile of y a unit of a product computes, and what follows its sums.


// What follows a product's sums: bias, activation or gate, scale, residual, store.


// How a kernel's work meets a launch. What a kernel does is its body,
//
//   static inline void NAME_body(ROOTS, const struct … *a, const uint x, const uint y, const uint z)
//
// the work of unit (x, y, z): a work-group of a launch of its own, or a unit of a phase of a step program, which includes the same
// files and calls the same bodies (step/phases.cl). A kernel's views are places in buffers: view number i, in the order of its
// argument block, begins at byte offset a->name of roots[i].
//
// The block of a kernel is a struct of include/TesseraArguments.h; LOCAL, the work-items of a work-group, is 1 in the vector style.


// The arguments of every kernel that operators dispatch, for OpenCL C and for Swift, which imports this header.
//
// A block begins with the byte offsets of the kernel's views, in the order of its buffers (common/kernel.cl); what follows are
// sizes in elements, flags, and factors. A test compares sizes and offsets with a device's. No block ends in padding, which
// some drivers do not count (Mesa 22.3 then refuses the argument): where it would, a field is unused.

#ifndef TESSERA_ARGUMENTS_H
#define TESSERA_ARGUMENTS_H

#ifdef __OPENCL_VERSION__
typedef uint tessera_u32;
typedef ulong tessera_u64;
#define SWIFT_NAME(name)
#else
#include <stdint.h>
typedef uint32_t tessera_u32;
typedef uint64_t tessera_u64;
#define SWIFT_NAME(name) __attribute__((swift_name(name)))
#endif

// norm/rmsnorm.cl, norm/layernorm.cl
struct norm_arguments {
  tessera_u64 x, weight, bias, residual, y;
  tessera_u32 heads, columns, x_stride, y_stride, flags;
  float epsilon;
} SWIFT_NAME("NormArguments");

// rope/rope_store.cl
struct rope_store_arguments {
  tessera_u64 x, rotation, slots, keys, values;
  tessera_u32 heads, kv_heads, stride, query_at, key_at, value_at, rotary, blocks, block_size, tokens;
} SWIFT_NAME("RopeStoreArguments");

// attention/form.cl, for flash_attention and merge_partials
struct attention_arguments {
  tessera_u64 q, keys, values, tables, tiles, positions, masks, slopes, sinks, bias, out, log_sums, partials;
  tessera_u32 heads, kv_heads, q_stride, blocks, block_size, window, sink_keys;
  // How many work-items share a tile's keys; from one row's partial results to the next's, in key tiles; tiles in all; the first
  // token of those that merge_partials merges.
  tessera_u32 splits, key_tiles, tile_count, first_token;
  // Distances that `bias` has values for, on each side.
  tessera_u32 bias_reach;
  float scale, soft_cap;
} SWIFT_NAME("AttentionArguments");

// attention/merge.cl: merge_results
struct merge_arguments {
  tessera_u64 results, sums, out, log_sums;
  tessera_u32 parts, rows;
} SWIFT_NAME("MergeArguments");

// matmul/matmul.cl, matmul/matmul_8.cl
struct matmul_arguments {
  tessera_u64 x, x_sums, weights, bias, residual, y, norm, experts;
  // Where the plane of scales begins, in halves; bytes from one expert's matrix to the next's.
  tessera_u64 scales_offset, expert_stride;
  tessera_u32 tokens, rows, columns, y_stride, flags;
  float epsilon, scale;
  tessera_u32 unused;
} SWIFT_NAME("MatmulArguments");

// matmul/activations.cl, matmul/activations_8.cl
struct pack_arguments {
  tessera_u64 x, packed, sums, experts, order;
  tessera_u32 tokens, columns, flags, unused;
} SWIFT_NAME("PackArguments");

// embedding/embedding.cl
struct embedding_arguments {
  tessera_u64 ids, weights, y;
  tessera_u64 scales_offset;
  tessera_u32 columns, tokens, flags;
  float scale;
} SWIFT_NAME("EmbeddingArguments");

// activation/activation.cl, activation/soft_cap.cl
struct elementwise_arguments {
  tessera_u64 x, y;
  tessera_u32 size, x_stride, y_stride, rows;
  float scale;
  tessera_u32 unused;
} SWIFT_NAME("ElementwiseArguments");

// rows/gather_rows.cl
struct gather_arguments {
  tessera_u64 x, indices, y;
  tessera_u32 columns, x_stride, y_stride, rows, flags, unused;
} SWIFT_NAME("GatherArguments");

// experts/route.cl
struct route_arguments {
  tessera_u64 scores, weights, slots, experts, order;
  tessera_u32 tokens, expert_count, top_k, tile_tokens, flags, unused;
} SWIFT_NAME("RouteArguments");

// experts/combine.cl
struct combine_arguments {
  tessera_u64 x, weights, slots, residual, y;
  tessera_u32 tokens, top_k, columns, flags;
} SWIFT_NAME("CombineArguments");

// quantization/repack.cl
struct repack_arguments {
  tessera_u64 raw, weights;
  tessera_u64 scales_offset;
  tessera_u32 first_row, row_count, columns, group_start, group_step, unused;
} SWIFT_NAME("RepackArguments");

// quantization/quantize.cl
struct quantize_arguments {
  tessera_u64 x, y;
  tessera_u64 block_count;
} SWIFT_NAME("QuantizeArguments");

// quantization/random.cl
struct random_arguments {
  tessera_u64 weights;
  tessera_u64 quant_words, word_count;
  tessera_u32 seed, unused;
} SWIFT_NAME("RandomArguments");

// cache/blocks.cl: whole blocks. Strides are in bytes.
struct cache_block_arguments {
  tessera_u64 pools, lists, staging;
  tessera_u64 stride, staging_block, staging_pool;
  tessera_u32 heads, blocks, chunks, to_pools;
} SWIFT_NAME("CacheBlockArguments");

// cache/blocks.cl, cache/rotate.cl: rows. `rows` is a staging buffer, or rotations.
struct cache_row_arguments {
  tessera_u64 pools, lists, rows;
  tessera_u64 stride;
  tessera_u32 heads, blocks, block_size, size, is_keys, to_pools, count, pool_count, begin, rotary;
} SWIFT_NAME("CacheRowArguments");

// Work-items of the cache's kernels, in both styles.
#define CACHE_ITEMS 64

// The most experts of a layer; columns of a unit in the vector style: of experts' results, of rows element by element, of activations
// that are packed in tiles; blocks of 32 activations of a unit that are rounded to 8 bits there.
#define MOST_EXPERTS 1024
#define COMBINE_COLUMNS 512
#define ELEMENTWISE_COLUMNS 1024
#define PACK_COLUMNS 256
#define ROUNDED_BLOCKS 8
// Blocks of a unit that are quantized, or elements where each is alone; words of random weights.
#define QUANTIZE_BLOCKS 64
#define QUANTIZE_ELEMENTS 4096
#define RANDOM_WORDS 4096

// sampling/*.cl
struct sampling_arguments {
  tessera_u64 logits, inputs, state, results;
  // `inputs` have a list of `count` entries from word `offset` on; places for likeliest tokens that a row has.
  tessera_u32 vocabulary, offset, count, limit;
} SWIFT_NAME("SamplingArguments");

// What is asked for of a row, at the start of `inputs`.
struct sampling_row {
  float inverse_temperature;
  float min_p;         // the logarithm of min-p; -INFINITY keeps all
  tessera_u32 top_k;   // 0 keeps all
  tessera_u32 top_p;   // in 2^-32; 0 keeps all
  tessera_u32 flags;
  tessera_u32 mask;    // which of the masks; NO_MASK: none
  tessera_u32 top_tokens;  // likeliest tokens that are reported
  float repetition, inverse_repetition, presence, frequency;
  tessera_u32 unused;
  tessera_u64 seed, position;
} SWIFT_NAME("SamplingParameters");

// What is reported of a row.
struct sampled_row {
  tessera_u32 token;
  float log_probability;
  tessera_u32 status, unused;
} SWIFT_NAME("SampledRow");

// Flags of a row, and what its status may be.
#define SAMPLING_GREEDY 1u
#define SAMPLING_LOG_PROBABILITIES 2u
#define SAMPLING_NOT_FINITE 1u
#define SAMPLING_NO_MASK 0xffffffffu

// A row is cut into at most SAMPLING_BLOCKS blocks of a power of two of tokens, and into SAMPLING_PARTS runs of whole blocks.
// Work-items of a work-group that has a row or a part of one, and of one that has a block, in the simt style; entries of a list
// that a work-group has.
#define SAMPLING_BLOCKS 1024
#define SAMPLING_PARTS 32
#define SAMPLING_BINS 128
#define SAMPLING_ROW_ITEMS 256
#define SAMPLING_BLOCK_ITEMS 64
#define SAMPLING_ENTRIES 64

// A row's state, in 64-bit words: blocks' largest keys; blocks' weights; parts' sums of odds; the same by bins; the row's largest
// key; the least key that stays.
enum {
  SAMPLING_WEIGHTS_AT = SAMPLING_BLOCKS,
  SAMPLING_SUMS_AT = 2 * SAMPLING_BLOCKS,
  SAMPLING_BINS_AT = SAMPLING_SUMS_AT + SAMPLING_PARTS,
  SAMPLING_BEST_AT = SAMPLING_BINS_AT + SAMPLING_PARTS * SAMPLING_BINS,
  SAMPLING_THRESHOLD_AT = SAMPLING_BEST_AT + 1,
  SAMPLING_STATE_LENGTH = SAMPLING_BEST_AT + 32
};

// step/step_program.cl: a command of a step program.
struct program_command {
  // Which case, and the units in each dimension.
  tessera_u32 number, x, y, z;
  // Where its argument block lies, in bytes from the first command, and which of the program's buffers each view is in.
  tessera_u32 block;
  tessera_u32 roots[13];
  // The buffer and the place of a number that x is limited to, which earlier commands have computed.
  tessera_u32 count_root, unused;
  tessera_u64 count_offset;
} SWIFT_NAME("ProgramCommand");

// step/step_program.cl: its own arguments, places in bytes.
struct program_arguments {
  tessera_u64 commands_offset, counters_offset, cleared_offset;
  // Commands, and commands whose counters are cleared.
  tessera_u32 count, cleared_count;
} SWIFT_NAME("ProgramArguments");

#endif


#ifndef PROGRAM
#define PROGRAM 0
#endif
#ifndef LOCAL
#if SIMT
#define LOCAL 64
#else
#define LOCAL 1
#endif
#endif

#define ROOTS global uchar *const *const roots
#define VIEW(type, number, name) ((global type *)(roots[number] + a->name))
#define GROUP_OF_ITEMS __attribute__((reqd_work_group_size(LOCAL, 1, 1)))
#define UNIT get_group_id(0), get_group_id(1), get_group_id(2)

// The kernels around bodies, by how many buffers they have.
#define ROOTS_1 global uchar *r0
#define ROOTS_2 ROOTS_1, global uchar *r1
#define ROOTS_3 ROOTS_2, global uchar *r2
#define ROOTS_4 ROOTS_3, global uchar *r3
#define ROOTS_5 ROOTS_4, global uchar *r4
#define ROOTS_8 ROOTS_5, global uchar *r5, global uchar *r6, global uchar *r7
#define ROOTS_13 ROOTS_8, global uchar *r8, global uchar *r9, global uchar *r10, global uchar *r11, global uchar *r12
#define LIST_1 r0
#define LIST_2 LIST_1, r1
#define LIST_3 LIST_2, r2
#define LIST_4 LIST_3, r3
#define LIST_5 LIST_4, r4
#define LIST_8 LIST_5, r5, r6, r7
#define LIST_13 LIST_8, r8, r9, r10, r11, r12

#if PROGRAM
#define KERNEL(name, block, count)
#else
#define KERNEL(name, block, count)                                             \
  kernel GROUP_OF_ITEMS void name(ROOTS_##count, const struct block a) {       \
    global uchar *const roots[] = {LIST_##count};                              \
    name##_body(roots, &a, UNIT);                                              \
  }
#endif

// The activation function of this program, chosen by ACTIVATION (TesseraOperators/Activation.swift).


// Elementary functions from exactly rounded operations alone, so that every style and every driver gives the same bits.
// The polynomials are Cephes' (Moshier), single precision.



// e^x, relative error under 2e-7; zero below -87, which in float32 no softmax can tell from the true value.
static inline lanes_f exponential(lanes_f x) {
  const lanes_f limited = min(max(x, (lanes_f)-87.0f), (lanes_f)88.0f);
  // n = x/ln 2, rounded to an integer by adding and taking away 1.5 · 2^23.
  const lanes_f shifted = fma(limited, (lanes_f)1.44269504088896341f, (lanes_f)12582912.0f);
  const lanes_f n = shifted - 12582912.0f;
  lanes_f r = fma(n, (lanes_f)-0.693359375f, limited);
  r = fma(n, (lanes_f)2.12194440e-4f, r);
  lanes_f p = (lanes_f)1.9875691500e-4f;
  p = fma(p, r, (lanes_f)1.3981999507e-3f);
  p = fma(p, r, (lanes_f)8.3334519073e-3f);
  p = fma(p, r, (lanes_f)4.1665795894e-2f);
  p = fma(p, r, (lanes_f)1.6666665459e-1f);
  p = fma(p, r, (lanes_f)5.0000001201e-1f);
  p = fma(p, r * r, r) + 1.0f;
  // The low bits of `shifted` are n; moved under the exponent's bias they make 2^n.
  const lanes_f power = AS_FLOAT((AS_UINT(shifted) << 23) + 0x3f800000u);
  const lanes_f result = p * power;
  return x < (lanes_f)-87.0f ? (lanes_f)0.0f : result;
}

// The natural logarithm of a positive, normal x, relative error under 2e-7.
static inline lanes_f logarithm(lanes_f x) {
  // x = 2^n · m, m in [√½, √2): the bits of √½ taken from x's leave n above the mantissa.
  const lanes_u offset = AS_UINT(x) - 0x3f3504f3u;
  const lanes_f n = TO_FLOAT(AS_INT(offset) >> 23);
  const lanes_f m = AS_FLOAT((offset & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  lanes_f p = (lanes_f)7.0376836292e-2f;
  p = fma(p, m, (lanes_f)-1.1514610310e-1f);
  p = fma(p, m, (lanes_f)1.1676998740e-1f);
  p = fma(p, m, (lanes_f)-1.2420140846e-1f);
  p = fma(p, m, (lanes_f)1.4249322787e-1f);
  p = fma(p, m, (lanes_f)-1.6668057665e-1f);
  p = fma(p, m, (lanes_f)2.0000714765e-1f);
  p = fma(p, m, (lanes_f)-2.4999993993e-1f);
  p = fma(p, m, (lanes_f)3.3333331174e-1f);
  const lanes_f square = m * m;
  p = fma(p * m, square, n * -2.12194440e-4f);
  p = fma(square, (lanes_f)-0.5f, p) + m;
  return fma(n, (lanes_f)0.693359375f, p);
}

// x · sigmoid(x)
static inline lanes_f silu(lanes_f x) { return x / (1.0f + exponential(-x)); }

// GELU in its tanh form (Hendrycks & Gimpel 2016): x/2 · (1 + tanh u) = x · sigmoid(2u), u = √(2/π) · (x + 0.044715 x³)
static inline lanes_f gelu_tanh(lanes_f x) {
  const lanes_f cubic = fma(x * x * x, (lanes_f)0.044715f, x);
  return x / (1.0f + exponential(cubic * -1.5957691216057308f));
}

static inline lanes_f hyperbolic_tangent(lanes_f x) {
  const lanes_f magnitude = fabs(x);
  const lanes_f large = 1.0f - 2.0f / (exponential(magnitude + magnitude) + 1.0f);
  const lanes_f square = x * x;
  lanes_f p = (lanes_f)-5.70498872745e-3f;
  p = fma(p, square, (lanes_f)2.06390887954e-2f);
  p = fma(p, square, (lanes_f)-5.37397155531e-2f);
  p = fma(p, square, (lanes_f)1.33314422036e-1f);
  p = fma(p, square, (lanes_f)-3.33332819422e-1f);
  return magnitude < (lanes_f)0.625f ? fma(p * square, x, x) : copysign(large, x);
}

// 1 − erf(x) for x ≥ 0, absolute error under 2e-7: e^(−x²) times a polynomial in t = 1/(1 + x/2) in the exponent (Press et al.,
// Numerical Recipes in C, 2nd edition, 6.2).
static inline lanes_f error_complement(lanes_f x) {
  const lanes_f t = 1.0f / fma(x, (lanes_f)0.5f, (lanes_f)1.0f);
  lanes_f p = (lanes_f)0.17087277f;
  p = fma(p, t, (lanes_f)-0.82215223f);
  p = fma(p, t, (lanes_f)1.48851587f);
  p = fma(p, t, (lanes_f)-1.13520398f);
  p = fma(p, t, (lanes_f)0.27886807f);
  p = fma(p, t, (lanes_f)-0.18628806f);
  p = fma(p, t, (lanes_f)0.09678418f);
  p = fma(p, t, (lanes_f)0.37409196f);
  p = fma(p, t, (lanes_f)1.00002368f);
  p = fma(p, t, (lanes_f)-1.26551223f);
  return t * exponential(fma(-x, x, p));
}

// GELU as it is defined: x · Φ(x) = x/2 · (1 + erf(x/√2))
static inline lanes_f gelu_erf(lanes_f x) {
  const lanes_f tail = error_complement(fabs(x) * 0.70710678118654752f);
  return x * 0.5f * (x < (lanes_f)0.0f ? tail : 2.0f - tail);
}


#ifndef ACTIVATION
#define ACTIVATION 0
#endif

static inline lanes_f activated(lanes_f x) {
#if ACTIVATION == 0
  return silu(x);
#elif ACTIVATION == 1
  return gelu_tanh(x);
#elif ACTIVATION == 2
  return gelu_erf(x);
#elif ACTIVATION == 3
  return max(x, (lanes_f)0.0f);
#elif ACTIVATION == 4
  const lanes_f positive = max(x, (lanes_f)0.0f);
  return positive * positive;
#elif ACTIVATION == 5
  return x / (1.0f + exponential(x * -1.702f));
#elif ACTIVATION == 6
  return 1.0f / (1.0f + exponential(-x));
#else
  return hyperbolic_tangent(x);
#endif
}


// Flags.
#define BIAS 1u
#define RESIDUAL 2u
#define GATE 4u
#define ACTIVATE 8u
#define SCALE 16u

struct epilogue {
  global const float *bias, *residual;
  global float *y;
  // Of a row of y.
  uint rows, y_stride;
  uint flags;
  float scale;
};

// Sums of a group of rows of weights with their bias, which is padded to whole groups.
static inline lanes_f biased(const lanes_f value, const struct epilogue *e, const uint group, const uint lane) {
  return e->flags & BIAS ? value + LOAD_LANES(e->bias + group * LANES + lane) : value;
}

#if SIMT

static inline void store_lanes(float value, const struct epilogue *e, const uint token, const uint group, const uint lane) {
  const uint row = group * LANES + lane;
  if (row >= e->rows) return;
  const ulong at = (ulong)token * e->y_stride + row;
  if (e->flags & SCALE) value *= e->scale;
  if (e->flags & RESIDUAL) value += e->residual[at];
  e->y[at] = value;
}

#else

static inline void store_lanes(float16 value, const struct epilogue *e, const uint token, const uint group, const uint lane) {
  const uint row = group * LANES;
  if (row >= e->rows) return;
  const ulong at = (ulong)token * e->y_stride + row;
  if (e->flags & SCALE) value *= e->scale;
  if (row + LANES <= e->rows) {
    if (e->flags & RESIDUAL) value += vload16(0, e->residual + at);
    vstore16(value, 0, e->y + at);
    return;
  }
  float lanes[LANES];
  vstore16(value, 0, lanes);
  for (uint i = 0; row + i < e->rows; ++i) e->y[at + i] = e->flags & RESIDUAL ? lanes[i] + e->residual[at + i] : lanes[i];
}

#endif

// The sums of one group, or of a pair of gates and ups, which is one group of y. Groups past the end are of no row.
static inline void store_group(const lanes_f value, const struct epilogue *e, const uint token, const uint group, const uint lane) {
  if (group * LANES >= e->rows) return;
  const lanes_f x = biased(value, e, group, lane);
  store_lanes(e->flags & ACTIVATE ? activated(x) : x, e, token, group, lane);
}

static inline void store_gated(const lanes_f gate, const lanes_f up, const struct epilogue *e, const uint token, const uint group,
                               const uint lane) {
  if (group / 2 * LANES >= e->rows) return;
  store_lanes(activated(biased(gate, e, group, lane)) * biased(up, e, group + 1, lane), e, token, group / 2, lane);
}

// Which rows of x a tile of TILE_M has: those that follow each other, or with GROUPED those that go to one expert.



#ifndef TILE_M
#define TILE_M 12
#endif
// Tiles are those of a list that experts/route.cl has made.
#ifndef GROUPED
#define GROUPED 0
#endif

// An expert list: the number of tiles, in 16 bytes, then the tiles: expert, first slot, count of slots. Slots are numbered expert by
// expert; `order` has the token of each.
#define EXPERT_TILES(list) ((global const int4 *)(list) + 1)

// In a product's flags: rows of x are slots already.
#define BY_SLOT 32u

struct tile_rows {
  uint first, count;
  global const uint *order;  // 0: rows follow each other
};

static inline ulong row_of(const struct tile_rows *rows, const uint m) {
#if GROUPED
  return rows->order ? rows->order[rows->first + m] : rows->first + m;
#else
  return rows->first + m;
#endif
}

static inline struct tile_rows rows_of_tile(global const int *experts, global const uint *order, const uint tokens,
                                            const uint flags, const uint tile) {
  struct tile_rows rows;
#if GROUPED
  const int4 entry = EXPERT_TILES(experts)[tile];
  rows.first = entry.y;
  rows.count = entry.z;
  rows.order = flags & BY_SLOT ? 0 : order;
#else
  rows.first = tile * TILE_M;
  rows.count = min((uint)TILE_M, tokens - rows.first);
  rows.order = 0;
#endif
  return rows;
}


// Groups of 16 rows.
#ifndef TILE_N
#define TILE_N 2
#endif
// Tiles of tokens that share one unpacking of the weights.
#ifndef TILES
#define TILES 1
#endif

struct product_tile {
  // Of x as it is packed, and of y.
  uint packed_row, row, count;
  global const uint *weights;
  struct epilogue epilogue;
};

// Sum n of row m, which varies. GPUs' compilers keep an array that a variable indexes in memory, from its first use on; there
// the sum is selected.
#if SIMT
#define SUM_OF(sums, m, n) selected_sum(sums, m, n)
static inline float selected_sum(float sums[TILE_M][TILE_N], const uint m, const uint n) {
  float sum = sums[0][n];
#pragma unroll
  for (uint i = 1; i < TILE_M; ++i) sum = i == m ? sums[i][n] : sum;
  return sum;
}
#else
#define SUM_OF(sums, m, n) (sums)[m][n]
#endif

// Tile (x, …) of a product's units; one without rows is none.
static inline void set_tile(struct product_tile *t, ROOTS, const struct matmul_arguments *a, const uint x) {
  t->weights = VIEW(const uint, 2, weights);
  t->packed_row = x * TILE_M * TILES;
#if GROUPED
  global const int *experts = VIEW(const int, 7, experts);
  t->row = t->count = 0;
  if ((int)x < *experts) {
    const int4 entry = EXPERT_TILES(experts)[x];
    t->weights = (global const uint *)((global const uchar *)t->weights + (ulong)entry.x * a->expert_stride);
    t->row = entry.y;
    t->count = entry.z;
  }
#else
  t->row = t->packed_row;
  t->count = a->tokens > t->row ? a->tokens - t->row : 0;
#endif
  t->epilogue.bias = VIEW(const float, 3, bias);
  t->epilogue.residual = VIEW(const float, 4, residual);
  t->epilogue.y = VIEW(float, 5, y);
  t->epilogue.rows = a->flags & GATE ? a->rows / 2 : a->rows;
  t->epilogue.y_stride = a->y_stride;
  t->epilogue.flags = a->flags;
  t->epilogue.scale = a->scale;
}

// The norms of one row, for the kernels that need them.
//
// Both styles add 256 partial sums, of the columns c with c mod 256 alike, and halve them until one is left.


// The sum of 16 lanes, in the one order of all kernels: halves added until one lane is left.



static inline float sum_of_lanes(float16 v) {
  const float8 a = v.lo + v.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.lo + c.hi;
}


#define PARTS 256

#define ADDS_RESIDUAL 1u
#define ADDS_BIAS 2u

static inline float inverse_root(float sum, uint columns, float epsilon) { return 1.0f / sqrt(sum / columns + epsilon); }

#if SIMT

// The sum of squares of x − mean, for all `items` work-items of a work-group together; `parts` holds PARTS floats.
static inline float row_squares(global const float *x, const uint columns, const float mean, local float *parts, const uint item,
                                const uint items) {
  for (uint part = item; part < PARTS; part += items) {
    float sum = 0.0f;
    for (uint c = part; c < columns; c += PARTS) sum = fma(x[c] - mean, x[c] - mean, sum);
    parts[part] = sum;
  }
  for (uint width = PARTS / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint part = item; part < width; part += items) parts[part] += parts[part + width];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  return parts[0];
}

// The sum of x, likewise.
static inline float row_sum(global const float *x, const uint columns, local float *parts, const uint item, const uint items) {
  for (uint part = item; part < PARTS; part += items) {
    float sum = 0.0f;
    for (uint c = part; c < columns; c += PARTS) sum += x[c];
    parts[part] = sum;
  }
  for (uint width = PARTS / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint part = item; part < width; part += items) parts[part] += parts[part + width];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const float sum = parts[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return sum;
}

// The factor of a root mean square norm, 1 / √(mean(x²) + ε).
static inline float row_factor(global const float *x, const uint columns, const float epsilon, local float *parts, const uint item,
                               const uint items) {
  return inverse_root(row_squares(x, columns, 0.0f, parts, item, items), columns, epsilon);
}

#else

#define PART_VECTORS (PARTS / LANES)

static inline float16 row_tail(global const float *x, const uint columns) {
  float tail[LANES] = {0.0f};
  for (uint i = 0; i < columns % LANES; ++i) tail[i] = x[columns / LANES * LANES + i];
  return vload16(0, tail);
}

static inline float sum_of_parts(float16 *parts) {
  for (uint width = PART_VECTORS / 2; width > 0; width /= 2)
    for (uint i = 0; i < width; ++i) parts[i] += parts[i + width];
  return sum_of_lanes(parts[0]);
}

// The sum of squares of x − mean.
static inline float row_squares(global const float *x, const uint columns, const float mean) {
  float16 parts[PART_VECTORS];
  for (uint i = 0; i < PART_VECTORS; ++i) parts[i] = 0.0f;
  const uint whole = columns / LANES;
  for (uint c = 0; c < whole; ++c) {
    const float16 v = vload16(c, x) - mean;
    parts[c % PART_VECTORS] = fma(v, v, parts[c % PART_VECTORS]);
  }
  if (columns % LANES) {
    const int16 lane_ids = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float16 v = select((float16)0.0f, row_tail(x, columns) - mean, lane_ids < (int)(columns % LANES));
    parts[whole % PART_VECTORS] = fma(v, v, parts[whole % PART_VECTORS]);
  }
  return sum_of_parts(parts);
}

// The sum of x.
static inline float row_sum(global const float *x, const uint columns) {
  float16 parts[PART_VECTORS];
  for (uint i = 0; i < PART_VECTORS; ++i) parts[i] = 0.0f;
  const uint whole = columns / LANES;
  for (uint c = 0; c < whole; ++c) parts[c % PART_VECTORS] += vload16(c, x);
  if (columns % LANES) parts[whole % PART_VECTORS] += row_tail(x, columns);
  return sum_of_parts(parts);
}

#endif


#define WARP PANEL_ROWS
#define WARPS (LOCAL / WARP)
// Blocks that a warp sums in a round, whole units (quantization/weights.cl), and rounds that are on their way from memory.
#ifndef SHARE
#define SHARE UNIT_BLOCKS
#endif
#ifndef AHEAD
#define AHEAD 1
#endif
#define ROUND (WARPS * SHARE)
#define BLOCKS (COLUMNS / BLOCK)
#define ROUNDS ((BLOCKS + ROUND - 1) / ROUND)
// Whole turns of AHEAD; rounds past the end do nothing.
#define ROUNDS_DONE ((ROUNDS + AHEAD - 1) / AHEAD * AHEAD)
#define IS_WHOLE (BLOCKS % (ROUND * AHEAD) == 0)
#define HELD_SHARE (HELD_WORDS * SHARE)

// The tokens whose chains a warp goes on with.
#if TILE_M == 1
typedef float tokens_f;
#define CHAINS 1
#elif TILE_M == 2
typedef float2 tokens_f;
#define CHAINS 2
#else
typedef float4 tokens_f;
#define CHAINS 4
#endif
#define CHAIN_WARPS (TILE_M / CHAINS)
#define ROUND_SUMS (ROUND * CHAIN_WARPS * WARP)
// Those of two rounds; before, a norm's partial sums.
#define SUMS (NORM && 2 * ROUND_SUMS < PARTS * CHAIN_WARPS ? PARTS * CHAIN_WARPS : 2 * ROUND_SUMS)

// Floats from block to block of x, (BLOCK, TILE_M) and so many that blocks begin in other banks.
#define X_STRIDE (BLOCK * TILE_M + 4)
#define X_COLUMNS (ROUND * BLOCK)
#define X_LOADS ((X_COLUMNS + LOCAL - 1) / LOCAL)
// A round's sets of scales, of both groups, in 16 bytes.
#define ROUND_SETS ((ROUND + BLOCKS_PER_SCALE - 1) / BLOCKS_PER_SCALE)
#define SET_VECTORS (ROUND_SETS * PANEL_GROUPS * SCALES * LANES / 8)
#define SET_LOADS ((SET_VECTORS + LOCAL - 1) / LOCAL)

// What a work-item has loaded of a round: its warp's words, and its part of what all share.
struct ahead {
  uint words[HELD_SHARE];
  float x[X_LOADS][TILE_M];
#if NORM
  float norm[X_LOADS];
#endif
#if SCALES > 0
  uint4 sets[SET_LOADS];
#endif
};

// A tile's rows of x.
struct source {
  global const float *rows[TILE_M];
  global const float *norm;
  float factor[TILE_M];
};

static inline void set_source(struct source *s, global const float *x, global const uint *order, const uint flags,
                              const struct product_tile *t) {
#pragma unroll
  for (uint m = 0; m < TILE_M; ++m) {
    // A row past the end repeats the first one; its result is not stored.
    ulong row = t->row + (m < t->count ? m : 0);
#if GROUPED
    if (!(flags & BY_SLOT)) row = order[row];
#endif
    s->rows[m] = x + row * COLUMNS;
  }
}

#if NORM
// The factors of the rows' norms, of all work-items together, in the order of norm/row.cl.
static inline void set_factors(struct source *s, const float epsilon, const uint item, local float *parts) {
#pragma unroll
  for (uint m = 0; m < TILE_M; ++m)
    for (uint part = item; part < PARTS; part += LOCAL) {
      float sum = 0.0f;
#pragma unroll 8
      for (uint c = part; c < COLUMNS; c += PARTS) sum = fma(s->rows[m][c], s->rows[m][c], sum);
      parts[m * PARTS + part] = sum;
    }
  for (uint width = PARTS / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint at = item; at < width * TILE_M; at += LOCAL) {
      local float *sum = parts + at / width * PARTS + at % width;
      *sum += sum[width];
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
  for (uint m = 0; m < TILE_M; ++m) s->factor[m] = inverse_root(parts[m * PARTS], COLUMNS, epsilon);
}
#endif

// The words of the warp's blocks of the round that begins with block `first`: past the end, of the last ones, of which no sum is used.
static inline void load_share(global const uint *row, const uint first, const uint warp, uint *words) {
  if (WORDS == 0 || first >= BLOCKS) return;
#pragma unroll
  for (uint i = 0; i < SHARE / UNIT_BLOCKS; ++i) {
    const uint unit = (first + warp * SHARE) / UNIT_BLOCKS + i;
    load_unit(row, IS_WHOLE ? unit : min(unit, (uint)BLOCKS / UNIT_BLOCKS - 1), words + i * UNIT_BLOCKS * HELD_WORDS);
  }
}

// 2^(TOP_PLACE − PLACE) of column i, which a weight in place is multiplied by.
#define FACTOR(i) (float)(1 << (TOP_PLACE - PLACE(i)))

static inline void load_x(const struct source *s, const uint block, const uint item, struct ahead *next) {
#pragma unroll
  for (uint i = 0; i < X_LOADS; ++i) {
    const uint at = i * LOCAL + item, column = min(block * BLOCK + at, (uint)COLUMNS - 1);
#pragma unroll
    for (uint m = 0; m < TILE_M; ++m) {
      next->x[i][m] = s->rows[m][column];
    }
#if NORM
    next->norm[i] = s->norm[column];
#endif
  }
}

static inline void store_x(const struct source *s, const struct ahead *next, const uint item, local float *xs) {
  float factor = FACTOR(0);
#pragma unroll
  for (int i = 1; i < CHUNK; ++i) factor = item % CHUNK == i ? FACTOR(i) : factor;
#pragma unroll
  for (uint i = 0; i < X_LOADS; ++i) {
    const uint at = i * LOCAL + item;
    if (X_COLUMNS % LOCAL > 0 && at >= X_COLUMNS) break;
    local float *to = xs + at / BLOCK * X_STRIDE + at % BLOCK * TILE_M;
#pragma unroll
    for (uint m = 0; m < TILE_M; ++m)
#if NORM
      to[m] = next->x[i][m] * s->factor[m] * next->norm[i] * factor;
#else
      to[m] = next->x[i][m] * factor;
#endif
  }
}

static inline void load_staged(const struct source *x, global const uint4 *sets, const uint block, const uint item,
                               struct ahead *next) {
  if (block >= BLOCKS) return;
  load_x(x, block, item, next);
#if SCALES > 0
  const uint first = block / BLOCKS_PER_SCALE * (SET_VECTORS / ROUND_SETS);
  const uint end = BLOCKS / BLOCKS_PER_SCALE * (SET_VECTORS / ROUND_SETS);
#pragma unroll
  for (uint i = 0; i < SET_LOADS; ++i) next->sets[i] = sets[min(first + i * LOCAL + item, end - 1)];
#endif
}

static inline void store_staged(const struct source *x, const struct ahead *next, const uint item, local float *xs,
                                local uint4 *sets) {
  store_x(x, next, item, xs);
#if SCALES > 0
#pragma unroll
  for (uint i = 0; i < SET_LOADS; ++i)
    if (i * LOCAL + item < SET_VECTORS) sets[i * LOCAL + item] = next->sets[i];
#endif
}

// A row's set of scales of the round's block, in its round.
static inline local const ushort *set_of(local const ushort *sets, const uint first, const uint block, const uint lane) {
  const uint set = (first + block) / BLOCKS_PER_SCALE - first / BLOCKS_PER_SCALE;
  return sets + (set * PANEL_GROUPS + lane / LANES) * (SCALES * LANES) + lane % LANES;
}

// The sums of the round's blocks of x, in the order of activations.cl: a work-item has a block of a token.
static inline void sum_x(local const float *xs, const uint item, local float *sums) {
#if SCALES > 0
#pragma unroll
  for (uint i = 0; i < ROUND * TILE_M; i += LOCAL) {
    // From the last warp on, since the first have chains.
    const uint at = i + LOCAL - 1 - item, block = at % ROUND, m = at / ROUND;
    if (at >= ROUND * TILE_M) continue;
    local const float *x = xs + block * X_STRIDE + m;
    float of_16[BLOCK / 16];
#pragma unroll
    for (uint part = 0; part < BLOCK / 16; ++part) {
      float v[8];
#pragma unroll
      for (uint j = 0; j < 8; ++j)
        v[j] = (x[(part * 16 + j) * TILE_M] + x[(part * 16 + 8 + j) * TILE_M]) * (1.0f / FACTOR(j));
#pragma unroll
      for (uint width = 4; width > 0; width /= 2)
#pragma unroll
        for (uint j = 0; j < width; ++j) v[j] += v[j + width];
      of_16[part] = v[0];
    }
#if BLOCK == 32
    of_16[0] += of_16[1];
#endif
    sums[block * TILE_M + m] = of_16[0];
  }
#endif
}

// LLVM 15 (in PoCL) loses sums of many blocks that are unrolled into one function for x86-64.
#if defined(__x86_64__)
#define APART __attribute__((noinline))
#else
#define APART inline
#endif

// The sums of a block.
static APART void sum_block(const uint *words, local const float4 *x, local const ushort *packed, const uint part,
                             local tokens_f *sums) {
  float sum[TILE_M];
#pragma unroll
  for (uint m = 0; m < TILE_M; ++m) sum[m] = 0.0f;
#pragma unroll
  for (uint c = 0; c < BLOCK / CHUNK; ++c) {
    uint chunk[CHUNK_WORDS];
    load_chunk(packed, part, words, c, chunk);
#pragma unroll
    for (uint i = 0; i < CHUNK * TILE_M; i += 4) {
      const float4 xs = x[(c * CHUNK * TILE_M + i) / 4];
      sum[(i + 0) % TILE_M] = fma(UNPACK(chunk, (i + 0) / TILE_M), xs.x, sum[(i + 0) % TILE_M]);
      sum[(i + 1) % TILE_M] = fma(UNPACK(chunk, (i + 1) / TILE_M), xs.y, sum[(i + 1) % TILE_M]);
      sum[(i + 2) % TILE_M] = fma(UNPACK(chunk, (i + 2) / TILE_M), xs.z, sum[(i + 2) % TILE_M]);
      sum[(i + 3) % TILE_M] = fma(UNPACK(chunk, (i + 3) / TILE_M), xs.w, sum[(i + 3) % TILE_M]);
    }
  }
#if TILE_M == 1
  sums[0] = sum[0];
#elif TILE_M == 2
  sums[0] = (float2)(sum[0], sum[1]);
#else
#pragma unroll
  for (uint m = 0; m < TILE_M; m += 4) sums[m / 4 * WARP] = (float4)(sum[m], sum[m + 1], sum[m + 2], sum[m + 3]);
#endif
}

// The sums of a warp's blocks of a round.
static inline void sum_share(const uint *words, local const float *xs, local const ushort *sets, const uint first, const uint warp,
                             const uint lane, local tokens_f *sums) {
#pragma unroll
  for (uint j = 0; j < SHARE; ++j) {
    const uint block = warp * SHARE + j;
#if SCALES > 0
    local const ushort *packed = set_of(sets, first, block, lane);
#else
    local const ushort *packed = 0;
#endif
    sum_block(words + j * HELD_WORDS, (local const float4 *)(xs + j * X_STRIDE), packed, (first + block) % BLOCKS_PER_SCALE,
              sums + block * CHAIN_WARPS * WARP + lane);
  }
}

// The chains of CHAINS tokens of a row, after a round's blocks.
static inline tokens_f chained(tokens_f acc, local const tokens_f *sums, local const tokens_f *sums_of_x, local const ushort *sets,
                               const uint first, const uint warp, const uint lane) {
  const uint end = IS_WHOLE ? ROUND : min((uint)ROUND, BLOCKS - min(first, (uint)BLOCKS));
#pragma unroll 8
  for (uint block = 0; block < end; ++block) {
    const tokens_f sum = sums[(block * CHAIN_WARPS + warp) * WARP + lane];
#if SCALES > 0
    float scale, minimum;
    load_scale(set_of(sets, first, block, lane), (first + block) % BLOCKS_PER_SCALE, &scale, &minimum);
    acc = fma((tokens_f)scale, sum, acc);
    acc = fma((tokens_f)MINIMUM(scale, minimum, RANGE), sums_of_x[block * CHAIN_WARPS + warp], acc);
#else
    acc += sum;
#endif
  }
  return acc;
}

// The tokens of a row, or of a pair of a gate's row and an up's.
static inline void store_tokens(const tokens_f acc, local const tokens_f *results, const struct product_tile *t, const uint panel,
                                const uint warp, const uint lane) {
  float values[CHAINS], ups[CHAINS];
  const bool is_gated = t->epilogue.flags & GATE;
  const tokens_f up = is_gated ? results[warp * WARP + (lane + LANES) % WARP] : acc;
#if CHAINS == 1
  values[0] = acc;
  ups[0] = up;
#elif CHAINS == 2
  vstore2(acc, 0, values);
  vstore2(up, 0, ups);
#else
  vstore4(acc, 0, values);
  vstore4(up, 0, ups);
#endif
#pragma unroll
  for (uint m = 0; m < CHAINS; ++m) {
    const uint token = warp * CHAINS + m, group = panel * PANEL_GROUPS;
    if (token >= t->count) continue;
    if (!is_gated)
      store_group(values[m], &t->epilogue, t->row + token, group + lane / LANES, lane % LANES);
    else if (lane < LANES)
      store_gated(values[m], ups[m], &t->epilogue, t->row + token, group, lane);
  }
}


kernel GROUP_OF_ITEMS void matmul(ROOTS_8, const struct matmul_arguments arguments) {
  global uchar *const roots[] = {LIST_8};
  const struct matmul_arguments *a = &arguments;
  const uint item = get_local_id(0), warp = item / WARP, lane = item % WARP, panel = get_group_id(1);
  local float4 staged_x[2 * ROUND * X_STRIDE / 4];
  local tokens_f sums[SUMS];
  local tokens_f sums_of_x[2 * ROUND * CHAIN_WARPS];
#if SCALES > 0
  local uint4 staged_sets[3 * SET_VECTORS];
#define SETS_OF(round) (staged_sets + (round) % 3 * SET_VECTORS)
#else
#define SETS_OF(round) 0
#endif

  struct product_tile t;
  set_tile(&t, roots, a, get_group_id(0));
  // A tile that no expert has sums nothing. (PoCL has no use for a return before a barrier.)
  const uint rounds = !GROUPED || t.count > 0 ? ROUNDS : 0;

  global const uint *row = t.weights + row_at(panel * PANEL_GROUPS + lane / LANES, lane % LANES, BLOCKS);
  struct ahead ahead[AHEAD];
  struct source x;
  set_source(&x, VIEW(const float, 0, x), VIEW(const uint, 1, x_sums), a->flags, &t);
#if NORM
  x.norm = VIEW(const float, 6, norm);
#endif
#if SCALES > 0
  global const uint4 *scales = (global const uint4 *)((global const ushort *)t.weights + a->scales_offset +
                                                      scales_at(panel * PANEL_GROUPS, 0, BLOCKS / BLOCKS_PER_SCALE));
#else
  global const uint4 *scales = 0;
#endif
#pragma unroll
  for (uint i = 0; i < AHEAD; ++i) {
    if (rounds > 0) load_share(row, i * ROUND, warp, ahead[i].words);
    load_staged(&x, scales, i * ROUND, item, &ahead[i]);
  }
#if NORM
  set_factors(&x, a->epsilon, item, (local float *)sums);
#endif
  store_staged(&x, &ahead[0], item, (local float *)staged_x, SETS_OF(0));
  load_staged(&x, scales, AHEAD * ROUND, item, &ahead[0]);
  barrier(CLK_LOCAL_MEM_FENCE);

  tokens_f acc = 0.0f;
#pragma unroll 1
  for (uint outer = 0; outer < rounds; outer += AHEAD) {
#pragma unroll
    for (uint i = 0; i < AHEAD; ++i) {
      const uint round = outer + i, first = round * ROUND, here = round % 2, other = 1 - here;
      local float *xs = (local float *)staged_x + here * ROUND * X_STRIDE;
      if (round > 0 && warp < CHAIN_WARPS)
        acc = chained(acc, sums + other * ROUND_SUMS, sums_of_x + other * ROUND * CHAIN_WARPS,
                      (const local ushort *)SETS_OF(round + 2), first - ROUND, warp, lane);
      sum_share(ahead[i].words, xs + warp * SHARE * X_STRIDE, (const local ushort *)SETS_OF(round), first, warp, lane,
                sums + here * ROUND_SUMS);
      load_share(row, first + AHEAD * ROUND, warp, ahead[i].words);
      sum_x(xs, item, (local float *)(sums_of_x + here * ROUND * CHAIN_WARPS));
      const uint next = (i + 1) % AHEAD;
      store_staged(&x, &ahead[next], item, (local float *)staged_x + other * ROUND * X_STRIDE, SETS_OF(round + 1));
      load_staged(&x, scales, first + (1 + AHEAD) * ROUND, item, &ahead[next]);
      barrier(CLK_LOCAL_MEM_FENCE);
    }
  }

  const uint last = ROUNDS_DONE - 1;
  if (warp < CHAIN_WARPS)
    acc = chained(acc, sums + last % 2 * ROUND_SUMS, sums_of_x + last % 2 * ROUND * CHAIN_WARPS,
                  (const local ushort *)SETS_OF(last), last * ROUND, warp, lane);
  // A gate's lane and its up's meet where no sums are any more.
  local tokens_f *results = sums + (1 - last % 2) * ROUND_SUMS;
  if (warp < CHAIN_WARPS) results[item] = acc;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (warp < CHAIN_WARPS) store_tokens(acc, results, &t, panel, warp, lane);
}

