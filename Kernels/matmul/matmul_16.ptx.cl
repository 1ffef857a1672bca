// The product of matmul/matmul.cl with weights and activations of 16 bits, F16 or BF16, summed in float32 by NVIDIA's products of small
// matrices (common/mma.cl): 16 columns at a time in sequence, twice for each 32: columns 8t … 8t + 3 of t = 0 … 3, then 8t + 4 … 8t + 7.
// Sums are then multiplied by the token's factor. The order is the same for every number of tokens.
//
// A warp has TILE_M / TOKEN_WARPS tokens × EIGHTS tiles of 8 rows. Lane (g, t) loads the columns 8t … 8t + 7 of row g of each, which are
// its fragments of two products. Activations pass through local memory, STAGE blocks of 32 columns at a time; those of few tokens come
// right from global memory, since warps then do not wait for each other, and DEPTH blocks of weights are on their way.
//
//   x, x_sums   by matmul/activations_16.cl (matmul/format_16.cl)
// and all else as in matmul/matmul.cl, with TILES = 1.   units   (tokens/TILE_M, rows/(8 · EIGHTS · LOCAL / 32 / TOKEN_WARPS))
// The caller guarantees columns % (32 · STAGE) = 0.

#ifndef TILE_M
#define TILE_M 128
#endif
#ifndef STAGE
#define STAGE 2
#endif

#include "matmul/format_16.cl"
#include "common/mma.cl"
#include "matmul/tile.cl"

#define STAGED (TILE_M > 16)
#define TOKEN_WARPS (STAGED ? 2 : 1)
#define EIGHTS (STAGED ? 4 : 2)
// Blocks of weights on their way, of few tokens.
#define DEPTH (EMULATED ? 1 : 8)
#define SIXTEENS (TILE_M / TOKEN_WARPS / 16)
#define WORDS_OF_BLOCK (WORDS * PANEL_ROWS)
#define STAGE_VECTORS (STAGE * TILE_M / 16 * TOKENS_VECTORS)

// Tile n of a warp, of the panel or of half of it: 8 rows of each group, gates and ups, or all. Its group, its first row there, and
// where it begins in a block behind the warp's first.
#define GROUP_OF(n) (first_eight / 4 * 2 + (STAGED ? (n) / 2 : (n)))
#define ROW_OF(n) ((STAGED ? (n) % 2 : first_eight / 2 % 2) * 8)
#define TILE_AT(n) ((STAGED ? 8 : 16) * (n) * ASIDE)

// The words of columns 8t … 8t + 7 of a row's block.
static inline uint4 load_columns(global const uint *block, const uint t) {
  return *(global const uint4 *)(block + t * ASIDE * PANEL_ROWS);
}

#if STAGED
INLINE void copy_stage(local uint4 *to, global const uint4 *from, const uint item) {
#pragma unroll
  for (uint i = 0; i < STAGE_VECTORS; i += LOCAL) copy_16(to + i + item, from + i + item);
}
#endif

kernel GROUP_OF_ITEMS void matmul_16(ROOTS_8, const struct matmul_arguments arguments) {
#if STAGED
  local uint4 x[2][STAGE_VECTORS];
#endif
  MMA_SCRATCH;

  global uchar *const roots[] = {LIST_8};
  const struct matmul_arguments *a = &arguments;
  struct product_tile tile;
  set_tile(&tile, roots, a, get_group_id(0));
  const uint blocks = a->columns / 32, groups = (a->rows + LANES - 1) / LANES;
  const uint item = get_local_id(0), warp = item / 32, lane = item % 32, g = lane / 4, t = lane % 4;
  const uint first_eight = (get_group_id(1) * (LOCAL / 32 / TOKEN_WARPS) + warp / TOKEN_WARPS) * EIGHTS;
  const uint first_token = warp % TOKEN_WARPS * SIXTEENS * 16;
  if (GROUPED && tile.count == 0) return;

  // Panels past the end repeat the last; their results are not stored.
  const uint panel = min(first_eight / 4, (groups - 1) / PANEL_GROUPS);
  global const uint *quants = tile.weights + row_at(panel * PANEL_GROUPS, g + (STAGED ? 0 : first_eight / 2 % 2 * 8), blocks);
  global const uint4 *packed = VIEW(const uint4, 0, x) + (ulong)tile.packed_row / 16 * blocks * TOKENS_VECTORS;

  float4 sums[SIXTEENS][EIGHTS];
#pragma unroll
  for (int m = 0; m < SIXTEENS; ++m)
#pragma unroll
    for (int n = 0; n < EIGHTS; ++n) sums[m][n] = 0.0f;

#if STAGED
  const uint stages = blocks / STAGE;
  copy_stage(x[0], packed, item);
  uint4 near[EIGHTS];
#pragma unroll
  for (int n = 0; n < EIGHTS; ++n) near[n] = load_columns(quants + TILE_AT(n), t);

#pragma unroll 1
  for (uint stage = 0; stage < stages; ++stage) {
    copies_done();
    SYNC_GROUP;
    packed += STAGE_VECTORS;
    if (stage + 1 < stages) copy_stage(x[(stage + 1) % 2], packed, item);
#pragma unroll 1
    for (uint block = 0; block < STAGE; ++block) {
      // The last block is fetched again after itself.
      quants += stage * STAGE + block + 1 < blocks ? WORDS_OF_BLOCK : 0;
      uint4 next[EIGHTS];
#pragma unroll
      for (int n = 0; n < EIGHTS; ++n) next[n] = load_columns(quants + TILE_AT(n), t);
      local const uint4 *tokens = &x[stage % 2][(block * TILE_M / 16 + first_token / 16) * TOKENS_VECTORS + lane];
      MMA_UNROLL
      for (uint m = 0; m < SIXTEENS; ++m) {
        const uint4 first = tokens[m * TOKENS_VECTORS], second = tokens[m * TOKENS_VECTORS + 32];
        MMA_UNROLL
        for (uint n = 0; n < EIGHTS; ++n) {
          sums[m][n] = mma_halves(sums[m][n], first, near[n].xy, SCRATCH);
          sums[m][n] = mma_halves(sums[m][n], second, near[n].zw, SCRATCH);
        }
      }
#pragma unroll
      for (int n = 0; n < EIGHTS; ++n) near[n] = next[n];
    }
  }
#else
  uint4 ahead[DEPTH][EIGHTS], tokens[DEPTH][2];
  packed += lane;
  const bool is_used = g < tile.count;
#define FETCH_BLOCK(i, block)                                                                             \
  do {                                                                                              \
    const ulong of_block = min((uint)(block), blocks - 1);                                          \
    tokens[i][0] = is_used ? packed[of_block * TOKENS_VECTORS] : (uint4)(0);                        \
    tokens[i][1] = is_used ? packed[of_block * TOKENS_VECTORS + 32] : (uint4)(0);                   \
    _Pragma("unroll") for (int n = 0; n < EIGHTS; ++n) ahead[i][n] =                                \
        load_columns(quants + TILE_AT(n) + of_block * WORDS_OF_BLOCK, t);                           \
  } while (0)
#pragma unroll
  for (int i = 0; i < DEPTH; ++i) FETCH_BLOCK(i, i);
#pragma unroll 1
  for (uint block = 0; block < blocks; block += DEPTH) {
#pragma unroll
    for (int i = 0; i < DEPTH; ++i) {
      if (block + i < blocks) {
#pragma unroll
        for (int n = 0; n < EIGHTS; ++n) {
          sums[0][n] = mma_halves(sums[0][n], tokens[i][0], ahead[i][n].xy, SCRATCH);
          sums[0][n] = mma_halves(sums[0][n], tokens[i][1], ahead[i][n].zw, SCRATCH);
        }
      }
      FETCH_BLOCK(i, block + i + DEPTH);
    }
  }
#endif

  global const float *factors = VIEW(const float, 1, x_sums) + tile.packed_row;
#pragma unroll
  for (int m = 0; m < SIXTEENS; ++m)
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const uint token = first_token + m * 16 + c / 2 * 8 + g, column = 2 * t + c % 2;
      if (token >= tile.count) continue;
      const float factor = factors[token];
#define RESULT(n) ((c == 0 ? sums[m][n].x : c == 1 ? sums[m][n].y : c == 2 ? sums[m][n].z : sums[m][n].w) * factor)
      if (tile.epilogue.flags & GATE) {
#pragma unroll
        for (uint n = 0; n < EIGHTS / 2; ++n)
          store_gated(RESULT(n), RESULT(n + EIGHTS / 2), &tile.epilogue, tile.row + token, GROUP_OF(n), ROW_OF(n) + column);
        continue;
      }
#pragma unroll
      for (uint n = 0; n < EIGHTS; ++n)
        store_group(RESULT(n), &tile.epilogue, tile.row + token, GROUP_OF(n), ROW_OF(n) + column);
    }
}
