// Sums of products of weights that are unsigned bytes, 4 to a word, and activations that are signed bytes, in integers: exact,
// so that it changes no bit which of these serves. The host chooses DOT_8 (TesseraOperators/IntegerDot.swift):
//
//   0  plain C
//   1  cl_khr_integer_dot_product, its packed form
//   2  NVIDIA's dp4a, of compute capability 6.1 and later
//   3  x86's sums of two products in 16 bits, where the driver's compiler is clang for that very CPU; vector style

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

// A sum of 16 bits has room for the products of DOT_WORDS words whose largest byte is given, and for none of bytes over 63,
// which are taken in two planes of 4 bits.
#if DOT_8 == 3
#define DOT_PLANES(largest) ((largest) > 63 ? 2 : 1)
#define DOT_WORDS(largest) ((largest) <= 15 || (largest) > 63 ? 8 : (largest) <= 31 ? 4 : 2)
#else
#define DOT_PLANES(largest) 1
#define DOT_WORDS(largest) 8
#endif

// dot_add: a sum in progress and 4 more products in each lane; dot_sum: the sum that it amounts to.
#if DOT_8 == 3

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
#elif DOT_8 == 2
  asm volatile("dp4a.u32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(w), "r"(x));
  return sum;
#else
  const int4 products = convert_int4(as_uchar4(w)) * convert_int4(as_char4(x));
  return sum + products.x + products.y + products.z + products.w;
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
