// Sums of products of weights, unsigned bytes, and activations, signed bytes, in integers: exact, so that it changes no bit
// which of these serves. Each lane has 4 weights in a word, or 2 where products are of 16 bits (DOT_COUNT). The host chooses
// DOT_8 (TesseraOperators/IntegerDot.swift):
//
//   0  plain C, in the form that compilers for CPUs know as a product of pairs
//   1  cl_khr_integer_dot_product, its packed form
//   2  NVIDIA's dp4a, of compute capability 6.1 and later
//   3  x86's sums of two products of bytes in 16 bits, where the driver's compiler is clang for that very CPU; vector style

#pragma once

#include "common/lanes.cl"

#ifndef DOT_8
#define DOT_8 0
#endif

#if SIMT
#define AS_INT(x) as_int(x)
#define INT_TO_FLOAT(x) convert_float(x)
#else
#define AS_INT(x) as_int16(x)
#define INT_TO_FLOAT(x) convert_float16(x)
#endif

#if DOT_8 == 0 || (DOT_8 == 3 && LARGEST > 63)
#define DOT_COUNT 2
#else
#define DOT_COUNT 4
#endif

// Words whose products a sum of 16 bits has room for; without effect where sums have 32.
#if DOT_8 == 3 && LARGEST <= 63
#define DOT_RUN (LARGEST <= 15 ? 8 : LARGEST <= 31 ? 4 : 2)
#else
#define DOT_RUN 16
#endif

// dot_add: a sum in progress, and a word's products more in each lane; dot_sum: the sum that it amounts to.
#if DOT_COUNT == 2

#if SIMT
inline int dot_add(uint w, uint x, int sum) { return sum + as_short2(w).x * as_short2(x).x + as_short2(w).y * as_short2(x).y; }
#else
#if DOT_8 == 3 && defined(__AVX512BW__)
typedef short pairs_32 __attribute__((__vector_size__(64)));
inline lanes_i dot_add(lanes_u w, uint x, lanes_i sum) {
  return sum + __builtin_astype(__builtin_ia32_pmaddwd512(__builtin_astype(w, pairs_32), __builtin_astype((lanes_u)x, pairs_32)), lanes_i);
}
#elif !defined(HALVES)
typedef short short_32 __attribute__((ext_vector_type(32)));
typedef int int_32 __attribute__((ext_vector_type(32)));
inline lanes_i dot_add(lanes_u w, uint x, lanes_i sum) {
  const int_32 p = __builtin_convertvector(__builtin_astype(w, short_32), int_32) * __builtin_convertvector(__builtin_astype((lanes_u)x, short_32), int_32);
  return sum + __builtin_shufflevector(p, p, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
    __builtin_shufflevector(p, p, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
#else
inline int8 products_8(uint8 w, uint8 x) {
  const int16 products = convert_int16(as_short16(w)) * convert_int16(as_short16(x));
  return products.even + products.odd;
}
inline lanes_i dot_add(lanes_u w, uint x, lanes_i sum) {
  return sum + (lanes_i)(products_8(w.lo, (uint8)x), products_8(w.hi, (uint8)x));
}
#endif
#endif
inline lanes_i dot_sum(lanes_i sum) { return sum; }

#elif DOT_8 == 3

#if defined(__AVX512BW__)
typedef short pairs_32 __attribute__((__vector_size__(64)));
typedef char bytes_64 __attribute__((__vector_size__(64)));
inline lanes_i dot_add(lanes_u w, uint x, lanes_i sum) {
  const pairs_32 products = __builtin_ia32_pmaddubsw512(__builtin_astype(w, bytes_64), __builtin_astype((lanes_u)x, bytes_64));
  return __builtin_astype(products + __builtin_astype(sum, pairs_32), lanes_i);
}
inline lanes_i dot_sum(lanes_i sum) {
  const pairs_32 ones = __builtin_astype((lanes_u)0x00010001u, pairs_32);
  return __builtin_astype(__builtin_ia32_pmaddwd512(__builtin_astype(sum, pairs_32), ones), lanes_i);
}
#elif defined(__AVX2__)
typedef short pairs_16 __attribute__((__vector_size__(32)));
typedef char bytes_32 __attribute__((__vector_size__(32)));
inline int8 dot_add_8(uint8 w, uint x, int8 sum) {
  const pairs_16 products = __builtin_ia32_pmaddubsw256(__builtin_astype(w, bytes_32), __builtin_astype((uint8)x, bytes_32));
  return __builtin_astype(products + __builtin_astype(sum, pairs_16), int8);
}
inline int8 dot_sum_8(int8 sum) {
  const pairs_16 ones = __builtin_astype((uint8)0x00010001u, pairs_16);
  return __builtin_astype(__builtin_ia32_pmaddwd256(__builtin_astype(sum, pairs_16), ones), int8);
}
inline lanes_i dot_add(lanes_u w, uint x, lanes_i sum) {
  return (lanes_i)(dot_add_8(w.lo, x, sum.lo), dot_add_8(w.hi, x, sum.hi));
}
inline lanes_i dot_sum(lanes_i sum) { return (lanes_i)(dot_sum_8(sum.lo), dot_sum_8(sum.hi)); }
#endif

#else

inline int dot_add_1(uint w, uint x, int sum) {
#if DOT_8 == 1
  return sum + dot_4x8packed_us_int(w, x);
#else
  asm volatile("dp4a.u32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(w), "r"(x));
  return sum;
#endif
}

#if SIMT
#define dot_add dot_add_1
#else
inline lanes_i dot_add(lanes_u w, uint x, lanes_i sum) {
  return (lanes_i)(dot_add_1(w.s0, x, sum.s0), dot_add_1(w.s1, x, sum.s1), dot_add_1(w.s2, x, sum.s2), dot_add_1(w.s3, x, sum.s3),
                   dot_add_1(w.s4, x, sum.s4), dot_add_1(w.s5, x, sum.s5), dot_add_1(w.s6, x, sum.s6), dot_add_1(w.s7, x, sum.s7),
                   dot_add_1(w.s8, x, sum.s8), dot_add_1(w.s9, x, sum.s9), dot_add_1(w.sa, x, sum.sa), dot_add_1(w.sb, x, sum.sb),
                   dot_add_1(w.sc, x, sum.sc), dot_add_1(w.sd, x, sum.sd), dot_add_1(w.se, x, sum.se), dot_add_1(w.sf, x, sum.sf));
}
#endif
inline lanes_i dot_sum(lanes_i sum) { return sum; }

#endif
