// Moves blocks and rows of the paged cache about, by lists: for first use, forks, tiers, trees and shifted positions.
//
// One launch serves the pools of several layers, of keys or of values: pool p begins `p · stride` bytes behind the first; inside it
// lies what common/cache.cl says, (heads, blocks) of a head's block each. `lists` holds the ids of blocks, or slots
// (block · block_size + offset).
// In a staging buffer, blocks lie one behind another: entry i of a list, pool p, head h begins
// `i · staging_block + p · staging_pool` bytes and h · chunks units of 16 bytes behind the first, whatever the pools' size.
//
// Work-groups are of CACHE_ITEMS items in both styles; the first dimension is rounded up to them.

#pragma once

#include "common/kernel.cl"
#include "common/cache.cl"

#define CACHE_KERNEL(name, block) \
  kernel __attribute__((reqd_work_group_size(CACHE_ITEMS, 1, 1))) void name(ROOTS_3, const struct block arguments)
#define CACHE_VIEWS(block)                    \
  const struct block *const a = &arguments;   \
  global uchar *const roots[] = {LIST_3};     \
  global const int *const lists = VIEW(const int, 1, lists)

// Chunk `chunk` of a head's block, in its pool.
static inline global uint4 *chunk_of(ROOTS, const struct cache_block_arguments *a, const uint pool, const uint head,
                                     const uint block, const uint chunk) {
  global uint4 *first = (global uint4 *)(roots[0] + a->pools + pool * a->stride);
  return first + ((ulong)head * a->blocks + block) * a->chunks + chunk;
}

// Fills blocks with zeros, which every encoding reads as 0.
// global size (≥ heads · chunks, count, pools).
CACHE_KERNEL(clear_blocks, cache_block_arguments) {
  CACHE_VIEWS(cache_block_arguments);
  const uint head = get_global_id(0) / a->chunks, chunk = get_global_id(0) % a->chunks;
  if (head >= a->heads) return;
  *chunk_of(roots, a, get_global_id(2), head, lists[get_global_id(1)], chunk) = (uint4)(0);
}

// Copies block lists[2i] over lists[2i + 1]; none is both a source and a target.
// global size (≥ heads · chunks, count, pools).
CACHE_KERNEL(copy_blocks, cache_block_arguments) {
  CACHE_VIEWS(cache_block_arguments);
  const uint head = get_global_id(0) / a->chunks, chunk = get_global_id(0) % a->chunks, pool = get_global_id(2);
  if (head >= a->heads) return;
  const uint from = lists[2 * get_global_id(1)], to = lists[2 * get_global_id(1) + 1];
  *chunk_of(roots, a, pool, head, to, chunk) = *chunk_of(roots, a, pool, head, from, chunk);
}

// Copies blocks to a staging buffer, or (to_pools) back.
// global size (≥ heads · chunks, count, pools).
CACHE_KERNEL(stage_blocks, cache_block_arguments) {
  CACHE_VIEWS(cache_block_arguments);
  const uint head = get_global_id(0) / a->chunks, chunk = get_global_id(0) % a->chunks;
  const uint entry = get_global_id(1), pool = get_global_id(2);
  if (head >= a->heads) return;
  global uint4 *here = chunk_of(roots, a, pool, head, lists[entry], chunk);
  global uint4 *there = (global uint4 *)(roots[2] + a->staging + entry * a->staging_block + pool * a->staging_pool);
  there += head * a->chunks + chunk;
  if (a->to_pools)
    *here = *there;
  else
    *there = *here;
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

// Pieces of a token's head: elements, then scales where there are any.
#define PIECES(size) (UNITS(size) + (IS_QUANTIZED(KEY_TYPE) ? (size) / 32 : 0))

static inline global key_element *pool_of(ROOTS, const struct cache_row_arguments *a, const uint pool) {
  return (global key_element *)(roots[0] + a->pools + pool * a->stride);
}

// Copies the row in slot lists[2i] over that in lists[2i + 1], one after the other: a source may be the target of a move before or
// behind it. An item moves one element, or scale, of all `count` rows.
// global size (≥ heads · PIECES(size), pools).
CACHE_KERNEL(move_rows, cache_row_arguments) {
  CACHE_VIEWS(cache_row_arguments);
  const uint size = a->size;
  const uint head = get_global_id(0) / PIECES(size), unit = get_global_id(0) % PIECES(size);
  if (head >= a->heads) return;
  global key_element *pool = pool_of(roots, a, get_global_id(1));
  for (uint i = 0; i < a->count; ++i) {
    const uint from = lists[2 * i], to = lists[2 * i + 1];
    global key_element *source = group_of_slot(pool, from, head, a->blocks, a->block_size, size);
    global key_element *target = group_of_slot(pool, to, head, a->blocks, a->block_size, size);
    if (unit < UNITS(size)) {
      target[a->is_keys ? KEY_AT(unit, to % 16) : to % 16 * UNITS(size) + unit] =
          source[a->is_keys ? KEY_AT(unit, from % 16) : from % 16 * UNITS(size) + unit];
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
// from element ((i · pools + p) · heads + h) · row on; a row has UNITS(size) elements, and size / 32 halves.
// global size (≥ heads · PIECES(size), count, pools).
CACHE_KERNEL(stage_rows, cache_row_arguments) {
  CACHE_VIEWS(cache_row_arguments);
  const uint size = a->size, row = UNITS(size) + (IS_QUANTIZED(KEY_TYPE) ? size / 16 : 0);
  const uint head = get_global_id(0) / PIECES(size), unit = get_global_id(0) % PIECES(size);
  const uint entry = get_global_id(1), pool = get_global_id(2);
  if (head >= a->heads) return;
  const uint slot = lists[entry], lane = slot % 16;
  global key_element *group = group_of_slot(pool_of(roots, a, pool), slot, head, a->blocks, a->block_size, size);
  global key_element *staging = VIEW(key_element, 2, rows) + (((ulong)entry * a->pool_count + pool) * a->heads + head) * row;
  if (unit < UNITS(size)) {
    const uint here = a->is_keys ? KEY_AT(unit, lane) : lane * UNITS(size) + unit;
    if (a->to_pools)
      group[here] = staging[unit];
    else
      staging[unit] = group[here];
  }
#if IS_QUANTIZED(KEY_TYPE)
  else {
    const uint at = unit - UNITS(size);
    global ushort *scale = (global ushort *)(group + QUANT_BYTES(KEY_TYPE, size)) + at * 16 + lane;
    global ushort *kept = (global ushort *)(staging + UNITS(size)) + at;
    if (a->to_pools)
      *scale = *kept;
    else
      *kept = *scale;
  }
#endif
}
