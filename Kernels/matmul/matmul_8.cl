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

kernel void matmul_8(global const float *restrict x, global const uint *restrict weights, const ulong scales_offset,
                     global const float *restrict bias, global const float *residual, global float *y, const uint tokens,
                     const uint rows, const uint columns, const uint y_stride, const uint flags) {
#if SIMT
  const uint lane = get_global_id(1) % LANES, first_group = get_global_id(1) / LANES * TILE_N;
#else
  const uint lane = 0, first_group = get_global_id(1) * TILE_N;
#endif
  product(x, x, weights, scales_offset, bias, residual, y, tokens, rows, columns, y_stride, flags,
          get_global_id(0) * TILE_M * TILES, first_group, lane);
}
