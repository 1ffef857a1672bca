// y[token, row] = Σ_k x[token, k] · w[row, k]  (+ bias[row])  (+ residual[token, row]),  w in any weight format
//
// A lane is a row. A vector work-item computes TILES · TILE_M tokens × TILE_N groups of 16 rows, a simt work-item the same for
// one row of each group. Sums run in one fixed order: over the k of a block in sequence from zero, then
// acc = fma(scale, sum, acc) and acc = fma(minimum, Σx of the block, acc), block by block. Every tile shape and both styles
// run that same sequence, so a token's result does not depend on how many tokens run beside it.
//
//   x        (tokens/TILE_M, columns, TILE_M), packed by matmul/activations.cl; for TILE_M = 1 that is x itself
//   x_sums   (tokens/TILE_M, columns/BLOCK, TILE_M), the sum of each block of x
//   weights  the two planes of quantization/weights.cl, the scales at `scales_offset` halves
//   y        (tokens, y_stride); residual (tokens, y_stride) with RESIDUAL in flags; bias (rows) with BIAS
// With GATE in flags the groups alternate between gate rows and up rows, and y has half the rows: act(gate) · up.
//
// vector: global (tokens/(TILES·TILE_M), groups/TILE_N), local (1, 1)
// simt:   global (tokens/(TILES·TILE_M), groups/TILE_N · 16), local (1, a multiple of 16)
// The caller guarantees columns % (BLOCK · BLOCKS_PER_SCALE) = 0 and, with GATE, rows % 32 = 0 and an even TILE_N.

#include "matmul/product.cl"

kernel void matmul(global const float *restrict x, global const float *restrict x_sums, global const uint *restrict weights,
                   const ulong scales_offset, global const float *restrict bias, global const float *residual,
                   global float *y, const uint tokens, const uint rows, const uint columns, const uint y_stride,
                   const uint flags) {
#if SIMT
  const uint lane = get_global_id(1) % LANES, first_group = get_global_id(1) / LANES * TILE_N;
#else
  const uint lane = 0, first_group = get_global_id(1) * TILE_N;
#endif
  product(x, x_sums, weights, scales_offset, bias, residual, y, tokens, rows, columns, y_stride, flags,
          get_global_id(0) * TILE_M * TILES, first_group, lane);
}
