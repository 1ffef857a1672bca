// Sums of products of weights, unsigned bytes, and activations, signed bytes, in integers: exact, so that it changes no bit which
// of these serves. The host chooses DOT_8 (TesseraOperators/IntegerDot.swift):
//
//   0  plain C, in a form that compilers for CPUs know as one instruction (x86: vpmaddwd)
//   1  cl_khr_integer_dot_product, its packed form
//   2  NVIDIA's dp4a, of compute capability 6.1 and later
//   3  x86's products of bytes, summed in pairs of 16 bits, where the driver's compiler is clang for that very CPU; vector style
//   4  the same with AVX-512's vpdpbusd, which sums them in 32 bits
//
// In each lane, dot_2 adds the 2 products of halves of 16 bits, which every device can; dot_4 adds those of 4 bytes, where
// HAS_DOT_4, to a sum in progress that dot_4_sum finishes. With DOT_8 = 3 that has 16 bits twice.

#pragma once

#include "common/lanes.cl"

#ifndef DOT_8
#define DOT_8 0
#endif
#define HAS_DOT_4 (DOT_8 != 0)

// Whether DOT_8 = 3 compiles; and 4, if the CPU has it, which compilers that are older than the CPU do not know.
#if defined(__clang__) && (defined(__AVX512BW__) || defined(__AVX2__))
#define HAS_X86_BYTES 1
#else
#define HAS_X86_BYTES 0
#endif
#if HAS_X86_BYTES && defined(__AVX512BW__)
#define HAS_X86_512 1
#else
#define HAS_X86_512 0
#endif

// The weight types that products of integers serve, those whose weights are scale · q + minimum with integers q: Q4_0, Q4_1,
// Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K. Sums of 16 bits have no room for products of Q8_0; FastProduct.serves says the same.
#define SERVES_TYPE(type)                                                                       \
  ((type) == 2 || (type) == 3 || (type) == 6 || (type) == 7 || ((type) == 8 && DOT_8 != 3) || \
   ((type) >= 12 && (type) <= 14))

#if SIMT

static inline int dot_2(uint w, uint x, int sum) { return sum + as_short2(w).x * as_short2(x).x + as_short2(w).y * as_short2(x).y; }

#elif DOT_8 >= 3 && HAS_X86_512

typedef short shorts_512 __attribute__((__vector_size__(64)));
typedef char bytes_512 __attribute__((__vector_size__(64)));
#define SHORTS(v) __builtin_astype(v, shorts_512)
#define BYTES(v) __builtin_astype(v, bytes_512)
static inline int16 dot_2(uint16 w, uint x, int16 sum) {
  return sum + __builtin_astype(__builtin_ia32_pmaddwd512(SHORTS(w), SHORTS((uint16)x)), int16);
}
#if DOT_8 == 4
static inline int16 dot_4(uint16 w, uint x, int16 sum) {
  const uint16 all = x;
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(all));
  return sum;
}
static inline int16 dot_4_sum(int16 sum) { return sum; }
#else
static inline int16 dot_4(uint16 w, uint x, int16 sum) {
  return __builtin_astype(SHORTS(__builtin_ia32_pmaddubsw512(BYTES(w), BYTES((uint16)x))) + SHORTS(sum), int16);
}
static inline int16 dot_4_sum(int16 sum) { return dot_2(as_uint16(sum), 0x00010001u, 0); }
#endif

#elif DOT_8 == 3 && HAS_X86_BYTES

typedef short shorts_256 __attribute__((__vector_size__(32)));
typedef char bytes_256 __attribute__((__vector_size__(32)));
#define SHORTS(v) __builtin_astype(v, shorts_256)
#define BYTES(v) __builtin_astype(v, bytes_256)
#define PAIR_PRODUCTS(w, x) __builtin_astype(__builtin_ia32_pmaddwd256(SHORTS(w), SHORTS((uint8)x)), int8)
#define BYTE_PRODUCTS(w, x, sum) __builtin_astype(SHORTS(__builtin_ia32_pmaddubsw256(BYTES(w), BYTES((uint8)x))) + SHORTS(sum), int8)
static inline int16 dot_2(uint16 w, uint x, int16 sum) { return sum + (int16)(PAIR_PRODUCTS(w.lo, x), PAIR_PRODUCTS(w.hi, x)); }
static inline int16 dot_4(uint16 w, uint x, int16 sum) {
  return (int16)(BYTE_PRODUCTS(w.lo, x, sum.lo), BYTE_PRODUCTS(w.hi, x, sum.hi));
}
static inline int16 dot_4_sum(int16 sum) { return dot_2(as_uint16(sum), 0x00010001u, 0); }

#elif defined(__clang__)

// Vectors of 32, which only clang has: in halves of 16, the products would not become one instruction.
typedef short short_32 __attribute__((ext_vector_type(32)));
typedef int int_32 __attribute__((ext_vector_type(32)));
#define INTS(v) __builtin_convertvector(__builtin_astype(v, short_32), int_32)
static inline int16 dot_2(uint16 w, uint x, int16 sum) {
  const int_32 products = INTS(w) * INTS((uint16)x);
  return sum + __builtin_shufflevector(products, products, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
         __builtin_shufflevector(products, products, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

#else

static inline int16 dot_2(uint16 w, uint x, int16 sum) {
  const int16 low = as_int16(w << 16) >> 16, high = as_int16(w) >> 16;
  return sum + low * (int)as_short2(x).x + high * (int)as_short2(x).y;
}

#endif

#if DOT_8 == 1 || DOT_8 == 2

static inline int dot_of_4(uint w, uint x, int sum) {
#if DOT_8 == 1
  return sum + dot_4x8packed_us_int(w, x);
#else
  __asm__ volatile("dp4a.u32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(w), "r"(x));
  return sum;
#endif
}

#if SIMT
static inline int dot_4(uint w, uint x, int sum) { return dot_of_4(w, x, sum); }
static inline int dot_4_sum(int sum) { return sum; }
#else
static inline int16 dot_4(uint16 w, uint x, int16 sum) {
#define DOT_OF(i) dot_of_4(w.i, x, sum.i)
  return (int16)(DOT_OF(s0), DOT_OF(s1), DOT_OF(s2), DOT_OF(s3), DOT_OF(s4), DOT_OF(s5), DOT_OF(s6), DOT_OF(s7), DOT_OF(s8),
                 DOT_OF(s9), DOT_OF(sa), DOT_OF(sb), DOT_OF(sc), DOT_OF(sd), DOT_OF(se), DOT_OF(sf));
}
static inline int16 dot_4_sum(int16 sum) { return sum; }
#endif

#endif
