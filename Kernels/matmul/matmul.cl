// y[token, row] = Σ_k x[token, k] · w[row, k]  (+ bias[row])  (+ residual[token, row]),  w in any weight format
//
// A lane is a row. A vector work-item computes TILES · TILE_M tokens × TILE_N groups of 16 rows, a simt work-item the same for
// one row of each group. Sums run in one fixed order: over the k of a block in sequence from zero, then
// acc = fma(scale, sum, acc) and acc = fma(minimum, Σx of the block, acc), block by block. Every tile shape and both styles
// run that same sequence, so a token's result does not depend on how many tokens run beside it.
//
//   x        (tokens/TILE_M, columns, TILE_M), packed by matmul/activations.cl; simt with TILE_M = 1: x itself
//   x_sums   (tokens/TILE_M, columns/BLOCK, TILE_M), the sum of each block of x; simt with TILE_M = 1: the kernel makes them itself
// A format without scales needs no sums, and with TILE_M = 1 takes x itself.
//   weights  the two planes of quantization/weights.cl, the scales at `scales_offset` halves
//   y        (tokens, y_stride); residual (tokens, y_stride) with RESIDUAL in flags; bias (rows) with BIAS
// With NORM, x is one row before its root mean square norm, which every work-group computes for itself (norm/row.cl).
// With GATE in flags the groups alternate between gate rows and up rows, and y has half the rows: act(gate) · up.
//
// vector: global (tokens/(TILES·TILE_M), groups/TILE_N), local (1, 1)
// simt:   global (tokens/(TILES·TILE_M), groups/TILE_N · 16), local (1, a multiple of 16)
// The caller guarantees columns % (BLOCK · BLOCKS_PER_SCALE) = 0 and, with GATE, rows % 32 = 0 and an even TILE_N.

// One token: a simt work-group of LOCAL work-items holds the sums of its COLUMNS, and with NORM the row, in local memory.
#ifndef COLUMNS
#define COLUMNS 4096
#endif
#ifndef LOCAL
#define LOCAL 64
#endif
#ifndef NORM
#define NORM 0
#endif

#include "matmul/product.cl"
#include "norm/row.cl"

kernel void matmul(global const float *restrict x, global const float *restrict x_sums, global const uint *restrict weights,
                   const ulong scales_offset, global const float *restrict bias, global const float *residual,
                   global float *y, const uint tokens, const uint rows, const uint columns, const uint y_stride,
                   const uint flags, global const float *restrict norm, const float epsilon) {
#if SIMT && TILE_M == 1
  const uint item = get_local_id(1);
  local float sums[COLUMNS / BLOCK];
#if NORM
  local float row[COLUMNS], parts[PARTS];
  const float factor = row_factor(x, COLUMNS, epsilon, parts, item, LOCAL);
  for (uint c = item; c < COLUMNS; c += LOCAL) row[c] = x[c] * factor * norm[c];
  barrier(CLK_LOCAL_MEM_FENCE);
#else
  global const float *row = x;
#endif
  for (uint block = item; block < COLUMNS / BLOCK; block += LOCAL) sums[block] = sum_of_block(row + block * BLOCK);
  barrier(CLK_LOCAL_MEM_FENCE);
#else
  global const float *row = x, *sums = x_sums;
#endif
#if SIMT
  const uint lane = get_global_id(1) % LANES, first_group = get_global_id(1) / LANES * TILE_N;
#else
  const uint lane = 0, first_group = get_global_id(1) * TILE_N;
#endif
  product(row, sums, weights, scales_offset, bias, residual, y, tokens, rows, columns, y_stride, flags,
          get_global_id(0) * TILE_M * TILES, first_group, lane);
}
