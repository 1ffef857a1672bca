// Moves blocks and rows of the paged cache about, by lists: for first use, forks, tiers, trees and shifted positions.
//
// One launch serves the pools of several layers, of keys or of values: pool p begins at `offset + p · stride` of `pools`, both
// counted in units of the pointer's type; inside it lies what common/cache.cl says, (heads, blocks) of a head's block each.
// `lists` holds the ids of blocks, or slots (block · block_size + offset), from entry `first` on.
// In a staging buffer, blocks lie one behind another: entry i of a list, pool p, head h begins at
// `staging_offset + i · staging_block + p · staging_pool + h · chunks` units of 16 bytes, whatever the pools' size.
//
// Work-groups are of 64 items in both styles; the first dimension is rounded up to them.

#pragma once

#include "common/cache.cl"

// Where a head's block begins, in units of 16 bytes: `chunks` are a head's block.
static inline ulong block_begin(const ulong offset, const ulong stride, const uint pool, const uint head, const uint blocks,
                                const uint block, const uint chunks) {
  return offset + pool * stride + ((ulong)head * blocks + block) * chunks;
}

// Fills blocks with zeros, which every encoding reads as 0.
// global size (≥ heads · chunks, count, pools), local size (64, 1, 1).
kernel void clear_blocks(global uint4 *restrict pools, global const int *restrict lists, const uint first, const ulong offset,
                         const ulong stride, const uint heads, const uint blocks, const uint chunks) {
  const uint head = get_global_id(0) / chunks, chunk = get_global_id(0) % chunks;
  if (head >= heads) return;
  const uint block = lists[first + get_global_id(1)];
  pools[block_begin(offset, stride, get_global_id(2), head, blocks, block, chunks) + chunk] = (uint4)(0);
}

// Copies block lists[first + 2i] over lists[first + 2i + 1]; none is both a source and a target.
// global size (≥ heads · chunks, count, pools), local size (64, 1, 1).
kernel void copy_blocks(global uint4 *pools, global const int *restrict lists, const uint first, const ulong offset,
                        const ulong stride, const uint heads, const uint blocks, const uint chunks) {
  const uint head = get_global_id(0) / chunks, chunk = get_global_id(0) % chunks, pool = get_global_id(2);
  if (head >= heads) return;
  const uint from = lists[first + 2 * get_global_id(1)], to = lists[first + 2 * get_global_id(1) + 1];
  pools[block_begin(offset, stride, pool, head, blocks, to, chunks) + chunk] =
      pools[block_begin(offset, stride, pool, head, blocks, from, chunks) + chunk];
}

// Copies blocks to a staging buffer, or (to_pools) back.
// global size (≥ heads · chunks, count, pools), local size (64, 1, 1).
kernel void stage_blocks(global uint4 *restrict pools, global const int *restrict lists, global uint4 *restrict staging,
                         const uint first, const ulong offset, const ulong stride, const uint heads, const uint blocks,
                         const uint chunks, const ulong staging_offset, const ulong staging_block, const ulong staging_pool,
                         const uint to_pools) {
  const uint head = get_global_id(0) / chunks, chunk = get_global_id(0) % chunks;
  const uint entry = get_global_id(1), pool = get_global_id(2);
  if (head >= heads) return;
  const ulong here = block_begin(offset, stride, pool, head, blocks, lists[first + entry], chunks) + chunk;
  const ulong there = staging_offset + entry * staging_block + pool * staging_pool + head * chunks + chunk;
  if (to_pools)
    pools[here] = staging[there];
  else
    staging[there] = pools[here];
}

// The group of 16 tokens that `slot` lies in.
static inline global key_element *group_of_slot(global key_element *pool, const uint slot, const uint head, const uint blocks,
                                                  const uint block_size, const uint size) {
  return pool + group_at(slot / block_size, slot % block_size, head, blocks, block_size) * KEY_GROUP(size);
}

// Elements of a token's head that are stored one by one, but for scales.
#if KEY_TYPE == CACHE_Q4_0
#define UNITS(size) ((size) / 2)
#else
#define UNITS(size) (size)
#endif

// Copies the row in slot lists[first + 2i] over that in lists[first + 2i + 1], one after the other: a source may be the target of
// a move before or behind it. An item moves one element, or scale, of all rows.
// global size (≥ heads · units, pools), local size (64, 1); units: UNITS(size), and size / 32 scales where there are any.
kernel void move_rows(global key_element *pools, global const int *restrict lists, const uint first, const uint count,
                      const ulong offset, const ulong stride, const uint heads, const uint blocks, const uint block_size,
                      const uint size, const uint is_keys) {
  const uint units = UNITS(size) + (IS_QUANTIZED(KEY_TYPE) ? size / 32 : 0);
  const uint head = get_global_id(0) / units, unit = get_global_id(0) % units;
  if (head >= heads) return;
  global key_element *pool = pools + offset + get_global_id(1) * stride;
  for (uint i = 0; i < count; ++i) {
    const uint from = lists[first + 2 * i], to = lists[first + 2 * i + 1];
    global key_element *source = group_of_slot(pool, from, head, blocks, block_size, size);
    global key_element *target = group_of_slot(pool, to, head, blocks, block_size, size);
    if (unit < UNITS(size)) {
      target[is_keys ? unit * 16 + to % 16 : to % 16 * UNITS(size) + unit] =
          source[is_keys ? unit * 16 + from % 16 : from % 16 * UNITS(size) + unit];
    }
#if IS_QUANTIZED(KEY_TYPE)
    else {
      const uint at = (unit - UNITS(size)) * 16;
      ((global ushort *)(target + QUANT_BYTES(KEY_TYPE, size)))[at + to % 16] =
          ((global const ushort *)(source + QUANT_BYTES(KEY_TYPE, size)))[at + from % 16];
    }
#endif
  }
}

// Copies rows to a staging buffer, or (to_pools) back: entry i of the list, pool p, head h has UNITS(size) elements, then scales,
// from `staging_offset + ((i · pools + p) · heads + h) · row` elements on; a row has UNITS(size) elements, and size / 32 halves.
// global size (≥ heads · units, count, pools), local size (64, 1, 1).
kernel void stage_rows(global key_element *restrict pools, global const int *restrict lists,
                       global key_element *restrict staging, const uint first, const ulong offset, const ulong stride,
                       const uint heads, const uint blocks, const uint block_size, const uint size, const uint is_keys,
                       const ulong staging_offset, const uint to_pools) {
  const uint units = UNITS(size) + (IS_QUANTIZED(KEY_TYPE) ? size / 32 : 0), row = UNITS(size) + (IS_QUANTIZED(KEY_TYPE) ? size / 16 : 0);
  const uint head = get_global_id(0) / units, unit = get_global_id(0) % units;
  const uint entry = get_global_id(1), pool = get_global_id(2);
  if (head >= heads) return;
  const uint slot = lists[first + entry], lane = slot % 16;
  global key_element *group = group_of_slot(pools + offset + pool * stride, slot, head, blocks, block_size, size);
  staging += staging_offset + (((ulong)entry * get_global_size(2) + pool) * heads + head) * row;
  if (unit < UNITS(size)) {
    const uint here = is_keys ? unit * 16 + lane : lane * UNITS(size) + unit;
    if (to_pools)
      group[here] = staging[unit];
    else
      staging[unit] = group[here];
  }
#if IS_QUANTIZED(KEY_TYPE)
  else {
    const uint at = unit - UNITS(size);
    global ushort *scale = (global ushort *)(group + QUANT_BYTES(KEY_TYPE, size)) + at * 16 + lane;
    global ushort *kept = (global ushort *)(staging + UNITS(size)) + at;
    if (to_pools)
      *scale = *kept;
    else
      *kept = *scale;
  }
#endif
}
