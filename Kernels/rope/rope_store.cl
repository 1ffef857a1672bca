// Rotates queries in place and stores rotated keys, and values, into the paged cache (RoFormer, Su et al. 2021)
//
// Token t's row of `qkv` holds heads · head_size query floats, then the keys' and the values' kv_heads · head_size.
//   rotation (tokens, rotary/2) float2: cos, sin of each pair's angle, with any scaling already in them
//   slots (tokens): where the token lies in the cache, block · block_size + offset
//   keys, values: see common/cache.cl
// PAIRS_ADJACENT: pairs are (2i, 2i + 1), as llama's GGUF weights are ordered; else (i, i + rotary/2).
//
// One work-item moves one pair, or where the cache is quantised 16 pairs of a query, or a block of 32 elements of a key or value.
// One source serves both styles.
// global size (head_size/2 or head_size/32, heads + 2 · kv_heads, tokens), local size (the same as in the first dimension, 1, 1).
// The caller guarantees head_size % 2 = 0, % 32 where the cache is quantised.

#pragma once

#include "common/cache.cl"

#ifndef PAIRS_ADJACENT
#define PAIRS_ADJACENT 0
#endif

// Pairs of one work-item.
#define ROPE_PAIRS (CACHE_QUANTISED ? 16 : 1)

// The elements of a pair, and the pair turned where it is.
struct rope_pair {
  uint first, second;
  float a, b;
};

static inline struct rope_pair rope_turn(global const float *row, global const float2 *rotation, uint rotary, uint pair, bool rotated) {
  struct rope_pair p;
  p.first = PAIRS_ADJACENT || !rotated ? 2 * pair : pair;
  p.second = PAIRS_ADJACENT || !rotated ? p.first + 1 : pair + rotary / 2;
  p.a = row[p.first];
  p.b = row[p.second];
  if (rotated) {
    const float2 r = rotation[pair];
    const float turned = fma(p.a, r.x, -(p.b * r.y));
    p.b = fma(p.a, r.y, p.b * r.x);
    p.a = turned;
  }
  return p;
}

// One pair of a token's head, or as many as ROPE_PAIRS.
static inline void rope_store_pair(global float *qkv, global const float2 *rotation, global const uint *slots,
                            global cache_element *keys, global cache_element *values, const uint heads, const uint kv_heads,
                            const uint head_size, const uint rotary, const uint blocks, const uint block_size, const uint index,
                            const uint head, const uint token) {
  global float *row = qkv + ((ulong)token * (heads + 2 * kv_heads) + head) * head_size;
  rotation += token * (rotary / 2);
  if (head < heads) {
    for (uint pair = index * ROPE_PAIRS; pair < (index + 1) * ROPE_PAIRS; ++pair) {
      const struct rope_pair p = rope_turn(row, rotation, rotary, pair, pair < rotary / 2);
      row[p.first] = p.a;
      row[p.second] = p.b;
    }
    return;
  }
  const bool is_key = head < heads + kv_heads;
  const uint kv_head = (head - heads) % kv_heads;
  const uint block = slots[token] / block_size, offset = slots[token] % block_size, lane = offset % 16;
  global cache_element *group =
      (is_key ? keys : values) + group_at(block, offset, kv_head, blocks, block_size) * GROUP_ELEMENTS(head_size);
#if CACHE_QUANTISED
  float x[32];
  for (uint i = 0; i < 32; ++i) {
    const uint d = index * 32 + i;
    x[i] = row[d];
    if (is_key && d < rotary) {
      const uint pair = PAIRS_ADJACENT ? d / 2 : d % (rotary / 2);
      const struct rope_pair p = rope_turn(row, rotation, rotary, pair, true);
      x[i] = p.first == d ? p.a : p.b;
    }
  }
  store_quants(x, group, lane, index, head_size, is_key);
#else
  const struct rope_pair p = rope_turn(row, rotation, rotary, index, is_key && index < rotary / 2);
  store_cached(p.a, group + (is_key ? p.first * 16 + lane : lane * head_size + p.first));
  store_cached(p.b, group + (is_key ? p.second * 16 + lane : lane * head_size + p.second));
#endif
}

kernel void rope_store(global float *restrict qkv, global const float2 *restrict rotation, global const uint *restrict slots,
                       global cache_element *restrict keys, global cache_element *restrict values, const uint heads,
                       const uint kv_heads, const uint head_size, const uint rotary, const uint blocks,
                       const uint block_size) {
  rope_store_pair(qkv, rotation, slots, keys, values, heads, kv_heads, head_size, rotary, blocks, block_size, get_global_id(0),
                  get_global_id(1), get_global_id(2));
}
