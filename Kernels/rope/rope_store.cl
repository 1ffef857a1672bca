// Rotates queries in place and stores rotated keys, and values, into the paged cache (RoFormer, Su et al. 2021)
//
// Token t's row of `qkv` holds heads · head_size query floats, then the keys' and the values' kv_heads · head_size.
//   rotation (tokens, rotary/2) float2: cos, sin of each pair's angle, with any scaling already in them
//   slots (tokens): where the token lies in the cache, block · block_size + offset
//   keys   (blocks, kv_heads, block_size/16, head_size, 16): transposed in groups of 16 tokens, for attention's lanes
//   values (blocks, kv_heads, block_size, head_size)
// PAIRS_ADJACENT: pairs are (2i, 2i + 1), as llama's GGUF weights are ordered; else (i, i + rotary/2).
//
// One work-item moves one pair; one source serves both styles.
// global size (head_size/2, heads + 2 · kv_heads, tokens), local size (head_size/2, 1, 1).

#pragma once

#include "common/cache.cl"

#ifndef PAIRS_ADJACENT
#define PAIRS_ADJACENT 0
#endif

// One pair of a token's head.
inline void rope_store_pair(global float *qkv, global const float2 *rotation, global const uint *slots,
                            global cache_element *keys, global cache_element *values, const uint heads, const uint kv_heads,
                            const uint head_size, const uint rotary, const uint block_size, const uint pair, const uint head,
                            const uint token) {
  global float *row = qkv + ((ulong)token * (heads + 2 * kv_heads) + head) * head_size;
  const bool rotated = head < heads + kv_heads && pair < rotary / 2;
  const uint first = PAIRS_ADJACENT || !rotated ? 2 * pair : pair;
  const uint second = PAIRS_ADJACENT || !rotated ? first + 1 : pair + rotary / 2;
  float a = row[first], b = row[second];
  if (rotated) {
    const float2 r = rotation[token * (rotary / 2) + pair];
    const float turned = fma(a, r.x, -(b * r.y));
    b = fma(a, r.y, b * r.x);
    a = turned;
  }
  if (head < heads) {
    row[first] = a;
    row[second] = b;
    return;
  }
  const uint kv_head = (head - heads) % kv_heads;
  const uint block = slots[token] / block_size, offset = slots[token] % block_size;
  if (head < heads + kv_heads) {
    global cache_element *group = keys + key_group_at(block, offset, kv_head, kv_heads, head_size, block_size);
    store_cached(a, group + first * 16 + offset % 16);
    store_cached(b, group + second * 16 + offset % 16);
  } else {
    global cache_element *value = values + value_at(block, offset, kv_head, kv_heads, head_size, block_size);
    store_cached(a, value + first);
    store_cached(b, value + second);
  }
}

kernel void rope_store(global float *restrict qkv, global const float2 *restrict rotation, global const uint *restrict slots,
                       global cache_element *restrict keys, global cache_element *restrict values, const uint heads,
                       const uint kv_heads, const uint head_size, const uint rotary, const uint block_size) {
  rope_store_pair(qkv, rotation, slots, keys, values, heads, kv_heads, head_size, rotary, block_size, get_global_id(0),
                  get_global_id(1), get_global_id(2));
}
