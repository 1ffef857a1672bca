// How keys and values lie in the paged cache, and how an element is read and written.
//
// A KV head's blocks lie side by side, so that a head's tokens are one stretch of memory where a sequence's blocks follow each
// other: what fetches ahead of a CPU's reads starts anew with each stretch. A block holds its tokens in groups of 16. A group's
// keys are transposed, so that the lanes of a load are tokens; its values are not, so that the lanes are the head's elements:
//
//   type   keys of a group                          values of a group
//   F32    (size, 16) floats                        (16, size) floats
//   F16    (size, 16) halves                        (16, size) halves
//   Q8_0   (size, 16) chars, then scales            (16, size) chars, then scales
//   Q4_0   (size/32, 16, 16) bytes, then scales     (16, size/32, 16) bytes, then scales
//
// Quants are ggml's: a block is 32 consecutive elements of one token's head, an element is scale · quant; of Q4_0, byte i has
// elements i (low) and i + 16 (high), each + 8. Scales are (size/32, 16) halves. Products of a scale and a quant are exact in
// float32, so attention over a quantised cache is, to the bit, attention over a float cache of the same numbers.

#pragma once

#define CACHE_F32 0
#define CACHE_F16 1
#define CACHE_Q8_0 2
#define CACHE_Q4_0 3

#ifndef CACHE_TYPE
#define CACHE_TYPE CACHE_F32
#endif

#include "common/lanes.cl"

#define CACHE_QUANTISED (CACHE_TYPE >= CACHE_Q8_0)

#if CACHE_TYPE == CACHE_F32
typedef float cache_element;
#elif CACHE_TYPE == CACHE_F16
typedef ushort cache_element;
#else
typedef uchar cache_element;
#endif

// Bytes of a group's quants, before its scales; elements of a group.
#define QUANT_BYTES(size) (CACHE_TYPE == CACHE_Q8_0 ? (size) * 16 : (size) * 8)
#define GROUP_ELEMENTS(size) (CACHE_QUANTISED ? QUANT_BYTES(size) + (size) : (size) * 16)

// The number of the group that holds token `offset` of a block, of a cache of `blocks`; it begins so many GROUP_ELEMENTS behind
// the first.
static inline ulong group_at(uint block, uint offset, uint kv_head, uint blocks, uint block_size) {
  return ((ulong)kv_head * blocks + block) * (block_size / 16) + offset / 16;
}

#if CACHE_QUANTISED
// The scales of 16 tokens, or of token `lane`, in a group's block of 32 elements.
static inline lanes_f load_scales(global const cache_element *group, uint size, uint block, uint lane) {
  global const ushort *scales = (global const ushort *)(group + QUANT_BYTES(size)) + block * 16;
  return half_bits_to_float(LOAD_LANES(scales + lane));
}
#endif

#if SIMT
#define HALF_LANES(p) vload_half(0, (global const half *)(p))
#define LOAD_QUANTS(p) convert_float(*(global const char *)(p))
#else
#define HALF_LANES(p) vload_half16(0, (global const half *)(p))
#define LOAD_QUANTS(p) convert_float16(vload16(0, (global const char *)(p)))
#endif

// Element d of the keys of a group's 16 tokens, or of token `lane`; `scales` are those of d's block.
static inline lanes_f load_keys(global const cache_element *group, uint d, lanes_f scales, uint lane) {
#if CACHE_TYPE == CACHE_F32
  return LOAD_LANES(group + d * 16 + lane);
#elif CACHE_TYPE == CACHE_F16
  return HALF_LANES(group + d * 16 + lane);
#elif CACHE_TYPE == CACHE_Q8_0
  return LOAD_QUANTS(group + d * 16 + lane) * scales;
#else
  const lanes_u bytes = TO_UINT(LOAD_LANES(group + (d / 32 * 16 + d % 16) * 16 + lane));
  return (TO_FLOAT((bytes >> (d % 32 / 16 * 4)) & 15u) - 8.0f) * scales;
#endif
}

// 16 elements of a token's value from `column` on, or the one there (vector style: column % 16 = 0); `scale` is their block's.
static inline lanes_f load_values(global const cache_element *group, uint token, uint column, uint size, float scale) {
#if CACHE_TYPE == CACHE_F32
  return LOAD_LANES(group + token * size + column);
#elif CACHE_TYPE == CACHE_F16
  return HALF_LANES(group + token * size + column);
#elif CACHE_TYPE == CACHE_Q8_0
  return LOAD_QUANTS(group + token * size + column) * scale;
#else
  const lanes_u bytes = TO_UINT(LOAD_LANES(group + token * (size / 2) + column / 32 * 16 + column % 16));
  return (TO_FLOAT((bytes >> (column % 32 / 16 * 4)) & 15u) - 8.0f) * scale;
#endif
}

// Rounds to nearest even; vstore_half is core, whether or not the device computes with halves.
#if CACHE_TYPE == CACHE_F32
static inline void store_cached(float x, global cache_element *p) { *p = x; }
#elif CACHE_TYPE == CACHE_F16
static inline void store_cached(float x, global cache_element *p) { vstore_half_rte(x, 0, (global half *)p); }
#else
// Rounds a block of 32 elements of one token as ggml does, and stores it in its group: a key, or a value.
static inline void store_quants(const float *x, global cache_element *group, uint token, uint block, uint size, bool is_key) {
  float largest = 0.0f;  // in magnitude, the first of equals
  for (uint i = 0; i < 32; ++i)
    if (fabs(x[i]) > fabs(largest)) largest = x[i];
#if CACHE_TYPE == CACHE_Q8_0
  const float scale = fabs(largest) / 127.0f;
#else
  const float scale = largest / -8.0f;
#endif
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  vstore_half_rte(scale, 0, (global half *)(group + QUANT_BYTES(size)) + block * 16 + token);
#if CACHE_TYPE == CACHE_Q8_0
  for (uint i = 0; i < 32; ++i) {
    const uint d = block * 32 + i;
    group[is_key ? d * 16 + token : token * size + d] = (uchar)(char)round(x[i] * inverse);
  }
#else
  for (uint i = 0; i < 16; ++i) {
    const uint low = min(15, (int)(x[i] * inverse + 8.5f)), high = min(15, (int)(x[i + 16] * inverse + 8.5f));
    const uint d = block * 16 + i;
    group[is_key ? d * 16 + token : token * (size / 2) + d] = (uchar)(low | high << 4);
  }
#endif
}
#endif
