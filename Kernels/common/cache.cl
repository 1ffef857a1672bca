// How keys and values lie in the paged cache, and how an element is read and written.
//
// A KV head's blocks lie side by side, so that a head's tokens are one stretch of memory where a sequence's blocks follow each
// other: what fetches ahead of a CPU's reads starts anew with each stretch. A block holds its tokens in groups of 16. A group's
// keys are transposed, so that the lanes of a load are tokens; its values are not, so that the lanes are the head's elements.
// Where a lane is a work-item of its own, 16 bytes of a key lie side by side, for that is the widest load of one:
//
//   type   keys of a group, vector                  simt                              values of a group
//   F32    (size, 16) floats                        (size/4, 16, 4) floats            (16, size) floats
//   F16    (size, 16) halves                        (size/8, 16, 8) halves            (16, size) halves
//   Q8_0   (size, 16) chars, then scales            (size/16, 16, 16), then scales    (16, size) chars, then scales
//   Q4_0   (size/32, 16, 16) bytes, then scales     (size/32, 16, 16), then scales    (16, size/32, 16) bytes, then scales
//
// Of Q4_0's bytes the last index is the token in the vector style, and a key's byte in simt.
//
// Keys and values have types of their own, KEY_TYPE and VALUE_TYPE. Sizes here are a head's in the cache, a multiple of 16 (32 where it
// is quantized): a model's own size rounded up, the rest zeros. Quants are ggml's: a block is 32 consecutive elements of one token's head, an element is scale · quant; of Q4_0, byte i has
// elements i (low) and i + 16 (high), each + 8. Scales are (size/32, 16) halves. Products of a scale and a quant are exact in
// float32, so attention over a quantized cache is, to the bit, attention over a float cache of the same numbers.

#pragma once

#define CACHE_F32 0
#define CACHE_F16 1
#define CACHE_Q8_0 2
#define CACHE_Q4_0 3

#ifndef KEY_TYPE
#define KEY_TYPE CACHE_F32
#endif
#ifndef VALUE_TYPE
#define VALUE_TYPE KEY_TYPE
#endif

#include "common/lanes.cl"

#define IS_QUANTIZED(type) ((type) >= CACHE_Q8_0)

#if KEY_TYPE == CACHE_F32
typedef float key_element;
#elif KEY_TYPE == CACHE_F16
typedef ushort key_element;
#else
typedef uchar key_element;
#endif
#if VALUE_TYPE == CACHE_F32
typedef float value_element;
#elif VALUE_TYPE == CACHE_F16
typedef ushort value_element;
#else
typedef uchar value_element;
#endif

// Bytes of a group's quants, before its scales; elements of a group.
#define QUANT_BYTES(type, size) ((type) == CACHE_Q8_0 ? (size) * 16 : (size) * 8)
#define GROUP_ELEMENTS(type, size) (IS_QUANTIZED(type) ? QUANT_BYTES(type, size) + (size) : (size) * 16)
#define KEY_GROUP(size) GROUP_ELEMENTS(KEY_TYPE, size)
#define VALUE_GROUP(size) GROUP_ELEMENTS(VALUE_TYPE, size)

// The number of the group that holds token `offset` of a block, of a cache of `blocks`; it begins so many elements of a group
// behind the first.
static inline ulong group_at(uint block, uint offset, uint kv_head, uint blocks, uint block_size) {
  return ((ulong)kv_head * blocks + block) * (block_size / 16) + offset / 16;
}

// Where unit `unit` of a key lies in its group: an element, or a byte of Q4_0.
#define KEY_RUN(bytes) (16 / (bytes))
#define KEY_AT_OF(unit, lane, bytes) \
  (SIMT ? ((unit) / KEY_RUN(bytes) * 16 + (lane)) * KEY_RUN(bytes) + (unit) % KEY_RUN(bytes) : (unit) * 16 + (lane))
#define KEY_AT(unit, lane) KEY_AT_OF(unit, lane, sizeof(key_element))

#if !SIMT
// The scales of 16 tokens in a group's block of 32 elements.
static inline float16 scales_behind(global const uchar *quants, uint block) {
  return half_bits_to_float(vload16(block, (global const ushort *)quants));
}
#define KEY_SCALES(group, size, block) scales_behind((global const uchar *)(group) + QUANT_BYTES(KEY_TYPE, size), block)
#define VALUE_SCALES(group, size, block) scales_behind((global const uchar *)(group) + QUANT_BYTES(VALUE_TYPE, size), block)

#define HALF_LANES(p) vload_half16(0, (global const half *)(p))
#define LOAD_QUANTS(p) convert_float16(vload16(0, (global const char *)(p)))

// Element d of the keys of a group's 16 tokens; `scales` are those of d's block.
static inline float16 load_keys(global const key_element *group, uint d, float16 scales) {
#if KEY_TYPE == CACHE_F32
  return vload16(d, group);
#elif KEY_TYPE == CACHE_F16
  return HALF_LANES(group + d * 16);
#elif KEY_TYPE == CACHE_Q8_0
  return LOAD_QUANTS(group + d * 16) * scales;
#else
  const uint16 bytes = convert_uint16(vload16(d / 32 * 16 + d % 16, group));
  return (convert_float16((bytes >> (d % 32 / 16 * 4)) & 15u) - 8.0f) * scales;
#endif
}

// 16 elements of a token's value from `column`, a multiple of 16, on; `scale` is their block's.
static inline float16 load_values(global const value_element *group, uint token, uint column, uint size, float scale) {
#if VALUE_TYPE == CACHE_F32
  return vload16(0, group + token * size + column);
#elif VALUE_TYPE == CACHE_F16
  return HALF_LANES(group + token * size + column);
#elif VALUE_TYPE == CACHE_Q8_0
  return LOAD_QUANTS(group + token * size + column) * scale;
#else
  const uint16 bytes = convert_uint16(vload16(0, group + token * (size / 2) + column / 32 * 16));
  return (convert_float16((bytes >> (column % 32 / 16 * 4)) & 15u) - 8.0f) * scale;
#endif
}
#endif

// Element number `at` of a group's. Rounds to nearest even; vstore_half is core, whether or not the device computes with halves.
static inline void store_cached(const uint type, const float x, global uchar *group, const uint at) {
  if (type == CACHE_F32)
    ((global float *)group)[at] = x;
  else
    vstore_half_rte(x, at, (global half *)group);
}

// Rounds a block of 32 elements of one token as ggml does, and stores it in its group: a key, or a value.
static inline void store_quants(const uint type, const float *x, global uchar *group, uint token, uint block, uint size,
                                bool is_key) {
  float largest = 0.0f;  // in magnitude, the first of equals
  for (uint i = 0; i < 32; ++i)
    if (fabs(x[i]) > fabs(largest)) largest = x[i];
  const float scale = type == CACHE_Q8_0 ? fabs(largest) / 127.0f : largest / -8.0f;
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  vstore_half_rte(scale, 0, (global half *)(group + QUANT_BYTES(type, size)) + block * 16 + token);
  if (type == CACHE_Q8_0) {
    for (uint i = 0; i < 32; ++i) {
      const uint d = block * 32 + i;
      group[is_key ? KEY_AT_OF(d, token, 1) : token * size + d] = (uchar)(char)round(x[i] * inverse);
    }
  } else {
    for (uint i = 0; i < 16; ++i) {
      const uint low = min(15, (int)(x[i] * inverse + 8.5f)), high = min(15, (int)(x[i + 16] * inverse + 8.5f));
      const uint d = block * 16 + i;
      group[is_key ? KEY_AT_OF(d, token, 1) : token * (size / 2) + d] = (uchar)(low | high << 4);
    }
  }
}
