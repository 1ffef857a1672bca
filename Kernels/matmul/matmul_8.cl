// The product of matmul/matmul.cl with activations of 8 bits: y[token, row] ≈ Σ_k x[token, k] · w[row, k] and its epilogue.
//
// Within a block products are summed in integers, exactly; then, block by block,
//   acc = fma(scale of the weights · scale of the activations, sum, acc) and acc = fma(minimum, scale · Σq, acc),
// whatever the tile shape and the style: a token's result does not depend on how many tokens run beside it.
//
//   x   (tokens/TILE_M, columns/32, PACKED_8, TILE_M), by matmul/activations_8.cl
// and all else, the sizes too, as in matmul/matmul.cl. The caller guarantees a type that SERVES_TYPE names, columns % 32 = 0.

#include "matmul/format_8.cl"
#include "matmul/product_8.cl"

static inline void matmul_8_body(ROOTS, const struct matmul_arguments *a, const uint x, const uint y, const uint unused) {
  struct product_tile t;
  set_tile(&t, roots, a, x);
  if (t.count == 0) return;
#if SIMT
  const uint index = y * LOCAL + get_local_id(0);
  const uint lane = index % LANES, first_group = index / LANES * TILE_N;
#else
  const uint lane = 0, first_group = y * TILE_N;
#endif
  product(VIEW(const float, 0, x), t.weights, a->scales_offset, &t.epilogue, a->rows, a->columns, t.packed_row, t.row, t.count,
          first_group, lane);
}
KERNEL(matmul_8, matmul_arguments, 8)
