// Turns cached keys further, where their positions shift: RoFormer's rotations (Su et al. 2021) add up, so a key that was stored
// at position p turns by the angles of q − p to be one at q.
//
//   lists: the rows' slots from entry `first` on; rotation (rows, rotary/2) float2: cos, sin of each pair's angle
//   pools: of keys, as in cache/blocks.cl; of each head, elements `begin` … begin + rotary − 1 turn
// INTERLEAVED: pairs are (2i, 2i + 1), else (i, i + rotary/2). KEY_SIZE: elements of a key.
//
// An item turns a pair. Where keys are quantized it turns a whole key, and the blocks of 32 elements that turned are rounded anew.
// global size (≥ heads · rotary/2, or ≥ heads; rows, pools), local size (64, 1, 1).

#pragma once

#include "cache/blocks.cl"

#ifndef INTERLEAVED
#define INTERLEAVED 0
#endif
#ifndef KEY_SIZE
#define KEY_SIZE 64
#endif

// Pair (a, b) turned by the angle whose cosine and sine are r.
static inline float2 turned(const float2 pair, const float2 r) {
  return (float2)(fma(pair.x, r.x, -(pair.y * r.y)), fma(pair.x, r.y, pair.y * r.x));
}

#if IS_QUANTIZED(KEY_TYPE)
// Element d of the key of token `lane`.
static inline float key_value(global const key_element *group, const uint d, const uint lane) {
  const float scale = vload_half(0, (global const half *)(group + QUANT_BYTES(KEY_TYPE, KEY_SIZE)) + d / 32 * 16 + lane);
#if KEY_TYPE == CACHE_Q8_0
  return (float)((global const char *)group)[d * 16 + lane] * scale;
#else
  return (float)((int)(group[(d / 32 * 16 + d % 16) * 16 + lane] >> (d % 32 / 16 * 4) & 15) - 8) * scale;
#endif
}
#elif KEY_TYPE == CACHE_F16
static inline float key_value(global const key_element *group, const uint d, const uint lane) {
  return vload_half(0, (global const half *)(group + d * 16 + lane));
}
#else
static inline float key_value(global const key_element *group, const uint d, const uint lane) { return group[d * 16 + lane]; }
#endif

kernel void rotate_keys(global key_element *restrict pools, global const int *restrict lists,
                        global const float2 *restrict rotation, const uint first, const ulong offset, const ulong stride,
                        const uint heads, const uint blocks, const uint block_size, const uint begin, const uint rotary) {
  const uint row = get_global_id(1), pairs = rotary / 2;
  const uint head = IS_QUANTIZED(KEY_TYPE) ? get_global_id(0) : get_global_id(0) / pairs;
  if (head >= heads) return;
  const uint slot = lists[first + row], lane = slot % 16;
  global key_element *group =
      group_of_slot(pools + offset + get_global_id(2) * stride, slot, head, blocks, block_size, KEY_SIZE);
  rotation += (ulong)row * pairs;
#if IS_QUANTIZED(KEY_TYPE)
  float x[KEY_SIZE];
  const uint first_block = begin / 32, end_block = (begin + rotary + 31) / 32;
  for (uint d = first_block * 32; d < end_block * 32; ++d) x[d] = key_value(group, d, lane);
  for (uint pair = 0; pair < pairs; ++pair) {
    const uint a = begin + (INTERLEAVED ? 2 * pair : pair), b = INTERLEAVED ? a + 1 : a + pairs;
    const float2 t = turned((float2)(x[a], x[b]), rotation[pair]);
    x[a] = t.x;
    x[b] = t.y;
  }
  for (uint block = first_block; block < end_block; ++block) store_quants(KEY_TYPE, x + block * 32, (global uchar *)group, lane, block, KEY_SIZE, true);
#else
  const uint pair = get_global_id(0) % pairs;
  const uint a = begin + (INTERLEAVED ? 2 * pair : pair), b = INTERLEAVED ? a + 1 : a + pairs;
  const float2 t = turned((float2)(key_value(group, a, lane), key_value(group, b, lane)), rotation[pair]);
  store_cached(KEY_TYPE, t.x, (global uchar *)group, a * 16 + lane);
  store_cached(KEY_TYPE, t.y, (global uchar *)group, b * 16 + lane);
#endif
}
