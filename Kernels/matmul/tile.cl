// Which tile of y a unit of a product computes, and what follows its sums.

#pragma once

#include "matmul/epilogue.cl"
#include "matmul/rows.cl"

// Groups of 16 rows.
#ifndef TILE_N
#define TILE_N 2
#endif
// Tiles of tokens that share one unpacking of the weights.
#ifndef TILES
#define TILES 1
#endif

struct product_tile {
  // Of x as it is packed, and of y.
  uint packed_row, row, count;
  global const uint *weights;
  struct epilogue epilogue;
};

// Tile (x, …) of a product's units; one without rows is none.
static inline void set_tile(struct product_tile *t, ROOTS, const struct matmul_arguments *a, const uint x) {
  t->weights = VIEW(const uint, 2, weights);
  t->packed_row = x * TILE_M * TILES;
  t->epilogue.bias = VIEW(const float, 3, bias);
#if GROUPED
  global const int *experts = VIEW(const int, 7, experts);
  t->row = t->count = 0;
  if ((int)x < *experts) {
    const int4 entry = EXPERT_TILES(experts)[x];
    t->weights = (global const uint *)((global const uchar *)t->weights + (ulong)entry.x * a->expert_stride);
    t->epilogue.bias = BIAS_OF(t->epilogue.bias, entry.w, a->rows);
    t->row = entry.y;
    t->count = entry.z;
  }
#else
  t->row = t->packed_row;
  // Not as a choice: of that LLVM makes a saturating subtraction, which oclgrind 21 does not know.
  t->count = (uint)max((int)(a->tokens - t->row), 0);
#endif
  t->epilogue.residual = VIEW(const float, 4, residual);
  t->epilogue.y = VIEW(float, 5, y);
  t->epilogue.rows = a->flags & GATE ? a->rows / 2 : a->rows;
  t->epilogue.y_stride = a->y_stride;
  t->epilogue.flags = a->flags;
  t->epilogue.scale = a->scale;
}
