// y[token, row] = Σ_k x[token, k] · w[row, k]  (+ bias[row])  (+ residual[token, row]),  w in any weight format
//
// Sums run in one fixed order: over the k of a block in sequence from zero, then acc = fma(scale, sum, acc) and
// acc = fma(minimum, Σx of the block, acc), block by block. Every tile shape and both styles run that same sequence, so a token's
// result does not depend on how many tokens run beside it. Here the vector style: a lane is a row, a work-item computes
// TILES · TILE_M tokens × TILE_N groups of 16 rows. The simt style has matmul/matmul.simt.cl for few tokens, matmul/tiles.simt.cl
// for many.
//
//   x        (tokens/TILE_M, columns, TILE_M), packed by matmul/activations.cl
//   x_sums   (tokens/TILE_M, columns/BLOCK, TILE_M), the sum of each block of x
// A format without scales needs no sums, and with TILE_M = 1 takes x itself.
//   weights  the two planes of quantization/weights.cl, the scales at `scales_offset` halves
//   y        (tokens, y_stride); residual (tokens, y_stride) with RESIDUAL in flags; bias (rows, padded to 16) with BIAS, of experts for each
// With GATE in flags the groups alternate between gate rows and up rows, and y has half the rows: activation(gate) · up.
// With GROUPED each tile of tokens has the weights of its expert, `expert_stride` bytes after the one before (matmul/rows.cl).
//
//   views   x, x_sums, weights, bias, residual, y, norm (of matmul.simt.cl), experts
//   units   (tokens/(TILES·TILE_M), groups/TILE_N)
// The caller guarantees columns % (BLOCK · BLOCKS_PER_SCALE) = 0 and, with GATE, rows % 32 = 0 and an even TILE_N.

#include "matmul/product.cl"

static inline void matmul_body(ROOTS, const struct matmul_arguments *a, const uint x, const uint y, const uint unused) {
  struct product_tile t;
  set_tile(&t, roots, a, x);
  if (t.count == 0) return;
  product(VIEW(const float, 0, x), VIEW(const float, 1, x_sums), t.weights, a->scales_offset, &t.epilogue, a->rows, a->columns,
          t.packed_row, t.row, t.count, y * TILE_N);
}
KERNEL(matmul, matmul_arguments, 8)
