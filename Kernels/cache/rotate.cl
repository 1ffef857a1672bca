// Turns cached keys further, where their positions shift: RoFormer's rotations (Su et al. 2021) add up, so a key that was stored
// at position p turns by the angles of q − p to be one at q.
//
//   views   pools of keys and lists of slots, as in cache/blocks.cl; rows: rotations (count, rotary/2) float2, cos and sin of each
//           pair's angle
//   of each head, elements `begin` … begin + rotary − 1 turn
// INTERLEAVED: pairs are (2i, 2i + 1), else (i, i + rotary/2). KEY_SIZE: elements of a key.
//
// An item turns a pair. Where keys are quantized it turns a whole key, and the blocks of 32 elements that turned are rounded anew.
// global size (≥ heads · rotary/2, or ≥ heads; count, pools).

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
  return (float)((global const char *)group)[KEY_AT(d, lane)] * scale;
#else
  return (float)((int)(group[KEY_AT(d / 32 * 16 + d % 16, lane)] >> (d % 32 / 16 * 4) & 15) - 8) * scale;
#endif
}
#elif KEY_TYPE == CACHE_F16
static inline float key_value(global const key_element *group, const uint d, const uint lane) {
  return vload_half(0, (global const half *)(group + KEY_AT(d, lane)));
}
#else
static inline float key_value(global const key_element *group, const uint d, const uint lane) { return group[KEY_AT(d, lane)]; }
#endif

CACHE_KERNEL(rotate_keys, cache_row_arguments) {
  CACHE_VIEWS(cache_row_arguments);
  const uint row = get_global_id(1), begin = a->begin, pairs = a->rotary / 2;
  const uint head = IS_QUANTIZED(KEY_TYPE) ? get_global_id(0) : get_global_id(0) / pairs;
  if (head >= a->heads) return;
  const uint slot = lists[row], lane = slot % 16;
  global key_element *group =
      group_of_slot(pool_of(roots, a, get_global_id(2)), slot, head, a->blocks, a->block_size, KEY_SIZE);
  global const float2 *rotation = VIEW(const float2, 2, rows) + (ulong)row * pairs;
#if IS_QUANTIZED(KEY_TYPE)
  float x[KEY_SIZE];
  const uint first_block = begin / 32, end_block = (begin + a->rotary + 31) / 32;
  for (uint d = first_block * 32; d < end_block * 32; ++d) x[d] = key_value(group, d, lane);
  for (uint pair = 0; pair < pairs; ++pair) {
    const uint first = begin + (INTERLEAVED ? 2 * pair : pair), second = INTERLEAVED ? first + 1 : first + pairs;
    const float2 t = turned((float2)(x[first], x[second]), rotation[pair]);
    x[first] = t.x;
    x[second] = t.y;
  }
  for (uint block = first_block; block < end_block; ++block) store_quants(KEY_TYPE, x + block * 32, (global uchar *)group, lane, block, KEY_SIZE, true);
#else
  const uint pair = get_global_id(0) % pairs;
  const uint first = begin + (INTERLEAVED ? 2 * pair : pair), second = INTERLEAVED ? first + 1 : first + pairs;
  const float2 t = turned((float2)(key_value(group, first, lane), key_value(group, second, lane)), rotation[pair]);
  store_cached(KEY_TYPE, t.x, (global uchar *)group, KEY_AT(first, lane));
  store_cached(KEY_TYPE, t.y, (global uchar *)group, KEY_AT(second, lane));
#endif
}
