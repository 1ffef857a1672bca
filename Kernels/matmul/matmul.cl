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
//   y        (tokens, y_stride); residual (tokens, y_stride) with RESIDUAL in flags; bias (rows, padded to 16) with BIAS
// With NORM, x is one row before its root mean square norm, which every work-group computes for itself (norm/row.cl).
// With GATE in flags the groups alternate between gate rows and up rows, and y has half the rows: activation(gate) · up.
// With GROUPED each tile of tokens has the weights of its expert, `expert_stride` bytes after the one before (matmul/rows.cl).
//
//   views   x, x_sums, weights, bias, residual, y, norm, experts
//   units   (tokens/(TILES·TILE_M), groups/TILE_N); simt work-groups have LOCAL / 16 of the latter
// The caller guarantees columns % (BLOCK · BLOCKS_PER_SCALE) = 0 and, with GATE, rows % 32 = 0 and an even TILE_N.

#include "matmul/product.cl"

static inline void matmul_body(ROOTS, const struct matmul_arguments *a, const uint x, const uint y, const uint unused) {
  struct product_tile t;
  set_tile(&t, roots, a, x);
  if (t.count == 0) return;
#if SIMT
  const uint index = y * LOCAL + get_local_id(0);
  const uint lane = index % LANES, first_group = index / LANES * TILE_N;
#else
  const uint lane = 0, first_group = y * TILE_N;
#endif
  product(VIEW(const float, 0, x), VIEW(const float, 1, x_sums), t.weights, a->scales_offset, &t.epilogue, a->rows, a->columns,
          t.packed_row, t.row, t.count, first_group, lane);
}
KERNEL(matmul, matmul_arguments, 8)
