// How keys and values lie in the paged cache, and its element type: float, or half with CACHE_HALF.

#pragma once

#ifndef CACHE_HALF
#define CACHE_HALF 0
#endif

#include "common/lanes.cl"

#if CACHE_HALF
typedef ushort cache_element;
#else
typedef float cache_element;
#endif

// Rounds to nearest even; vstore_half is core, whether or not the device computes with halves.
inline void store_cached(float x, global cache_element *p) {
#if CACHE_HALF
  vstore_half_rte(x, 0, (global half *)p);
#else
  *p = x;
#endif
}

// The lanes that start at p.
inline lanes_f load_cached(global const cache_element *p) {
#if CACHE_HALF
  return half_bits_to_float(LOAD_LANES(p));
#else
  return LOAD_LANES(p);
#endif
}

// Where the group of 16 keys begins that holds token `offset` of a block: (head_size, 16) elements.
inline ulong key_group_at(uint block, uint offset, uint kv_head, uint kv_heads, uint head_size, uint block_size) {
  return (((ulong)block * kv_heads + kv_head) * block_size + offset / 16 * 16) * head_size;
}

// Where the value of token `offset` of a block begins: head_size elements.
inline ulong value_at(uint block, uint offset, uint kv_head, uint kv_heads, uint head_size, uint block_size) {
  return (((ulong)block * kv_heads + kv_head) * block_size + offset) * head_size;
}
