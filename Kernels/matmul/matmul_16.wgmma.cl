// y of matmul/matmul.cl by matrix units: activations rounded to the 16 bits of the weights, F16 or BF16, sums in float32 in the order
// of common/wgmma.cl, 16 k after 16 k. The order does not depend on the tile, so a token's result does not depend on
// how many tokens run beside it.
//
// A work-group has WARP_GROUPS warp groups, each with 64 rows of weights; all have the same TILE_N tokens. Tiles of TILE_K columns come
// through local memory, STAGES − 1 of them under way while one is multiplied. The 64 rows of a warp group are two panels, taken in
// such an order that a work-item has row r of a panel's first group of 16 and row r of its second: a gate and its up.
//
//   views   x (⌈tokens/32⌉, columns/8, 32, 8) halves, matmul/panels_16.cl; x_sums (tokens): the factor of each token's sums; weights
//           as quantization/weights.cl has them in the simt style; bias, residual, y
//   units   (⌈tokens/TILE_N⌉, ⌈rows/(64 · WARP_GROUPS)⌉);  columns % TILE_K = 0

#ifndef TILE_N
#define TILE_N 128
#endif
#ifndef TILE_K
#define TILE_K 64
#endif
#ifndef STAGES
#define STAGES 3
#endif
#ifndef WARP_GROUPS
#define WARP_GROUPS 2
#endif

#include "quantization/weights.cl"
#include "matmul/epilogue.cl"
#include "common/wgmma.cl"

#define TILE_ROWS (64 * WARP_GROUPS)
// In pieces of 16 bytes.
#define A_PIECES (TILE_ROWS * TILE_K / 8)
#define B_PIECES (TILE_N * TILE_K / 8)
#define STAGE_PIECES (A_PIECES + B_PIECES)

// Row of the matrix that row `at` of a tile is: eight rows of a panel's first group, then eight of its second.
static inline uint row_of_tile(const uint at) { return at / 32 * 32 + at / 8 % 2 * 16 + at / 16 % 2 * 8 + at % 8; }

// Piece (k / 8, row) of a tile, in panels of 32 rows; rows past the last panel repeat it.
static inline global const uint4 *piece_at(global const uint4 *from, const uint row, const uint panels, const uint eighth,
                                           const uint eighths) {
  return from + ((ulong)min(row / 32, panels - 1) * eighths + eighth) * 32 + row % 32;
}

kernel GROUP_OF_ITEMS void matmul_16(ROOTS_8, const struct matmul_arguments arguments) {
  global uchar *const roots[] = {LIST_8};
  const struct matmul_arguments *a = &arguments;
  local uint4 stages[STAGES * STAGE_PIECES] __attribute__((aligned(128)));
  const uint item = get_local_id(0), lane = item % 32, warp = item / 32 % 4, warp_group = item / 128;
  const uint first_token = get_group_id(0) * TILE_N, first_row = get_group_id(1) * TILE_ROWS;
  const uint eighths = a->columns / 8, tiles = a->columns / TILE_K;
  const uint panels = (a->rows + 31) / 32, token_panels = (a->tokens + 31) / 32;
  global const uint4 *weights = VIEW(const uint4, 2, weights), *x = VIEW(const uint4, 0, x);
  float c[TILE_N / 2];
#pragma unroll
  for (uint i = 0; i < TILE_N / 2; ++i) c[i] = 0.0f;

#define COPY_TILE(stage, tile)                                                                                              \
  do {                                                                                                                      \
    local uint4 *to = stages + (stage) * STAGE_PIECES;                                                                      \
    _Pragma("unroll") for (uint i = item; i < A_PIECES; i += LOCAL)                                                         \
        copy_16(to + i, piece_at(weights, first_row + row_of_tile(i % TILE_ROWS), panels,                                \
                                    (tile) * (TILE_K / 8) + i / TILE_ROWS, eighths));                                       \
    _Pragma("unroll") for (uint i = item; i < B_PIECES; i += LOCAL)                                                         \
        copy_16(to + A_PIECES + i,                                                                                       \
                   piece_at(x, first_token + i % TILE_N, token_panels, (tile) * (TILE_K / 8) + i / TILE_N, eighths));       \
  } while (0)

#pragma unroll
  for (uint s = 0; s < STAGES - 1; ++s) {
    if (s < tiles) COPY_TILE(s, s);
    end_batch();
  }
  uint stage = 0, next = STAGES - 1;
  for (uint tile = 0; tile < tiles; ++tile) {
    BATCHES_DONE(STAGES - 2);
    LET_READ_COPIES;
    barrier(CLK_LOCAL_MEM_FENCE);
    local const uint4 *of_stage = stages + stage * STAGE_PIECES;
    BEGIN_PRODUCTS;
#pragma unroll
    for (uint k = 0; k < TILE_K / 16; ++k)
      multiply(c, of_stage + warp_group * 64 + k * 2 * TILE_ROWS, TILE_ROWS, of_stage + A_PIECES + k * 2 * TILE_N);
    COMMIT_PRODUCTS;
    // The stage that was read before the barrier.
    if (tile + STAGES - 1 < tiles) COPY_TILE(next, tile + STAGES - 1);
    end_batch();
    WAIT_FOR_PRODUCTS;
    stage = stage + 1 == STAGES ? 0 : stage + 1;
    next = next + 1 == STAGES ? 0 : next + 1;
  }

  global const float *factors = VIEW(const float, 1, x_sums);
  struct epilogue e = {VIEW(const float, 3, bias), VIEW(const float, 4, residual), VIEW(float, 5, y),
                       a->flags & GATE ? a->rows / 2 : a->rows, a->y_stride, a->flags, a->scale};
  const uint group = (first_row + warp_group * 64 + warp / 2 * 32) / LANES, of_group = warp % 2 * 8 + lane / 4;
#pragma unroll
  for (uint j = 0; j < TILE_N / 8; ++j)
#pragma unroll
    for (uint i = 0; i < 2; ++i) {
      const uint token = first_token + 8 * j + lane % 4 * 2 + i;
      if (token >= a->tokens) continue;
      const float first = c[4 * j + i] * factors[token], second = c[4 * j + 2 + i] * factors[token];
      if (e.flags & GATE) {
        store_gated(first, second, &e, token, group, of_group);
      } else {
        store_group(first, &e, token, group, of_group);
        store_group(second, &e, token, group + 1, of_group);
      }
    }
}
