// One source for both styles: a "lane" is one output row (or key, or column). In the vector style a work-item holds
// 16 lanes in one wide vector; in the simt style it holds one lane, and neighboring work-items hold its neighbors.
// What one lane computes is the same sequence of operations either way, so the results are the same bits.

#pragma once

#pragma OPENCL FP_CONTRACT OFF

#ifndef SIMT
#define SIMT 0
#endif

#define LANES 16

// Functions that have local memory or are given some. PoCL 3.1 makes a work-group's own only what its kernel's code names: of what a
// function names that it does not inline, all threads share one.
#define INLINE static inline __attribute__((always_inline))

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
// Asks for memory before it is read, for a CPU's own prefetchers fall behind what reads and computes in turns. PoCL ignores
// OpenCL's prefetch.
#if defined(__AVX2__)
#define FETCH(address) __builtin_prefetch((const void *)(ulong)(address))
#else
#define FETCH(address) prefetch(address, LANES)
#endif
#endif

// The float of a half's 16 bits, exactly, for every finite half; needs no fp16 support.
static inline lanes_f half_to_float(lanes_u bits) {
  return AS_FLOAT((AS_INT(bits << 16) >> 3) & (int)0x8fffe000u) * (lanes_f)0x1p112f;
}
static inline lanes_f half_bits_to_float(lanes_h half_bits) { return half_to_float(TO_UINT(half_bits)); }
