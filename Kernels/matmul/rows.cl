// Which rows of x a tile of TILE_M has: those that follow each other, or with GROUPED those that go to one expert.

#pragma once

#include "common/kernel.cl"

#ifndef TILE_M
#define TILE_M 12
#endif
// Tiles are those of a list that experts/route.cl has made.
#ifndef GROUPED
#define GROUPED 0
#endif

// An expert list: the number of tiles, in 16 bytes, then the tiles: the place of the expert's matrix, first slot, count of slots, the
// expert. The place is the expert's number too, unless the host has put its matrix elsewhere. Slots are numbered expert by expert;
// `order` has the token of each.
#define EXPERT_TILES(list) ((global const int4 *)(list) + 1)

// Whether the list ends before the tile; a macro, since PoCL wants to know before it inlines.
#define NO_TILE(list, tile) (GROUPED && (int)(tile) >= *(list))

// In a product's flags: rows of x are slots already.
#define BY_SLOT 32u

struct tile_rows {
  uint first, count;
  global const uint *order;  // 0: rows follow each other
};

static inline ulong row_of(const struct tile_rows *rows, const uint m) {
#if GROUPED
  return rows->order ? rows->order[rows->first + m] : rows->first + m;
#else
  return rows->first + m;
#endif
}

static inline struct tile_rows rows_of_tile(global const int *experts, global const uint *order, const uint tokens,
                                            const uint flags, const uint tile) {
  struct tile_rows rows;
#if GROUPED
  const int4 entry = EXPERT_TILES(experts)[tile];
  rows.first = entry.y;
  rows.count = entry.z;
  rows.order = flags & BY_SLOT ? 0 : order;
#else
  rows.first = tile * TILE_M;
  rows.count = min((uint)TILE_M, tokens - rows.first);
  rows.order = 0;
#endif
  return rows;
}
