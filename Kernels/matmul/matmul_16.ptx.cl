// y of matmul/matmul.cl by matrix units: weights and activations as 16 bits, F16 (BF16 where the weights are), sums in float32 in the
// order of common/matrix_units.ptx.cl, 16 k after 16 k. The order does not depend on the tile, so a token's result does not depend on
// how many tokens run beside it.
//
// A work-group has WARP_GROUPS warp groups, each with 64 rows of weights; all have the same TILE_N tokens. Tiles of TILE_K columns come
// to local memory as they are, STAGES of them: one is multiplied, one unpacked, the others are on their way. Weights that are halves
// are multiplied where they are; others are unpacked to halves, each work-item half a row of a tile, while the tile before is multiplied.
//
//            copies ▸ stage: words, scales, x ─┬─ unpack ▸ halves (two tiles) ─┬▸ wgmma ▸ sums in registers
//                                              └───────────────── x ───────────┘
//
// The 64 rows of a warp group are two panels, taken in such an order that a work-item has row r of a panel's first group of 16 and row r
// of its second: a gate and its up.
//
//   views   x (⌈tokens/32⌉, columns/8, 32, 8) halves, matmul/activations_16.cl; x_sums (tokens): the factor of each token's sums; weights
//           as quantization/weights.cl has them in the simt style, ASIDE = 4; bias, residual, y
//   units   (⌈tokens/TILE_N⌉, ⌈rows/(64 · WARP_GROUPS)⌉);  columns % TILE_K = 0, and a tile's words of a row are a multiple of 4

#ifndef TILE_N
#define TILE_N 128
#endif
#ifndef TILE_K
#define TILE_K 64
#endif
#ifndef STAGES
#define STAGES 4
#endif
#ifndef WARP_GROUPS
#define WARP_GROUPS 2
#endif
#define SCALES_LOCAL
#define IN_PLACE 1

#include "quantization/weights.cl"
#include "matmul/epilogue.cl"
#include "common/matrix_units.ptx.cl"

#define TILE_ROWS (64 * WARP_GROUPS)
#define IS_UNPACKED (SCALES > 0)
// In pieces of 16 bytes: of a row, of a panel's scales, of a stage.
#define ROW_PIECES (IS_UNPACKED ? TILE_K / BLOCK * WORDS / 4 : TILE_K / 8)
#define TILE_SETS (TILE_K > BLOCK * BLOCKS_PER_SCALE ? TILE_K / (BLOCK * BLOCKS_PER_SCALE) : 1)
#define PANEL_PIECES (TILE_SETS * 4 * SCALES)
#define A_PIECES (TILE_ROWS * ROW_PIECES)
#define SCALE_PIECES (TILE_ROWS / PANEL_ROWS * PANEL_PIECES)
#define B_PIECES (TILE_N * TILE_K / 8)
#define STAGE_PIECES (A_PIECES + SCALE_PIECES + B_PIECES)

// Row of the matrix that row `at` of a tile is: eight rows of a panel's first group, then eight of its second.
static inline uint row_of_tile(const uint at) { return at / 32 * 32 + at / 8 % 2 * 16 + at / 16 % 2 * 8 + at % 8; }

// Piece `piece` of a row that has `pieces`, in panels of 32 rows; rows past the last panel repeat it.
static inline global const uint4 *piece_at(global const uint4 *from, const uint row, const uint panels, const uint piece,
                                           const uint pieces) {
  return from + ((ulong)min(row / 32, panels - 1) * pieces + piece) * 32 + row % 32;
}

// What a work-group multiplies.
struct operands {
  global const uint4 *weights, *scales, *x;
  uint first_row, first_token, panels, token_panels, columns;
};

static inline void copy_tile(const struct operands *o, const uint tile, const uint item, local uint4 *stage) {
  const uint pieces = IS_UNPACKED ? o->columns / BLOCK * WORDS / 4 : o->columns / 8;
#pragma unroll
  for (uint i = item; i < A_PIECES; i += LOCAL)
    copy_piece(stage + i, piece_at(o->weights, o->first_row + row_of_tile(i % TILE_ROWS), o->panels,
                                   tile * ROW_PIECES + i / TILE_ROWS, pieces));
#if IS_UNPACKED
  const uint sets = o->columns / (BLOCK * BLOCKS_PER_SCALE), set = tile * TILE_K / (BLOCK * BLOCKS_PER_SCALE);
#pragma unroll
  for (uint i = item; i < SCALE_PIECES; i += LOCAL) {
    const uint panel = min(o->first_row / PANEL_ROWS + i / PANEL_PIECES, o->panels - 1);
    copy_piece(stage + A_PIECES + i, o->scales + ((ulong)panel * sets + set) * (4 * SCALES) + i % PANEL_PIECES);
  }
#endif
#pragma unroll
  for (uint i = item; i < B_PIECES; i += LOCAL)
    copy_piece(stage + A_PIECES + SCALE_PIECES + i,
               piece_at(o->x, o->first_token + i % TILE_N, o->token_panels, tile * (TILE_K / 8) + i / TILE_N, o->columns / 8));
}

#if IS_UNPACKED

// Two work-items a row.
#define ITEM_BLOCKS (TILE_K / BLOCK / 2)
#define ITEM_WORDS (ITEM_BLOCKS * WORDS)
// 2^-PLACE of weight i of a chunk.
#define UNPLACE(i) (float)(1 << -PLACE(i))

// The words of half `half` of row `row` of a tile.
static inline void load_item(local const uint4 *stage, const uint row, const uint half_of_row, uint *words) {
#if ITEM_WORDS % 4 == 0
#pragma unroll
  for (uint i = 0; i < ITEM_WORDS / 4; ++i) {
    const uint4 piece = stage[(half_of_row * (ITEM_WORDS / 4) + i) * TILE_ROWS + row];
    words[4 * i] = piece.x;
    words[4 * i + 1] = piece.y;
    words[4 * i + 2] = piece.z;
    words[4 * i + 3] = piece.w;
  }
#else
#pragma unroll
  for (uint i = 0; i < ITEM_WORDS; ++i) {
    const uint word = half_of_row * ITEM_WORDS + i;
    words[i] = ((local const uint *)(stage + word / 4 * TILE_ROWS + row))[word % 4];
  }
#endif
}

// A tile's weights as halves, in pieces of 8 k of a row.
static inline void unpack_tile(local const uint4 *stage, const uint tile, const uint item, local uint4 *halves) {
  const uint row = item % TILE_ROWS, half_of_row = item / TILE_ROWS, of_panel = row_of_tile(row) % PANEL_ROWS;
  uint words[ITEM_WORDS > 0 ? ITEM_WORDS : 1];
  load_item(stage, row, half_of_row, words);
#pragma unroll
  for (uint b = 0; b < ITEM_BLOCKS; ++b) {
    const uint of_tile = half_of_row * ITEM_BLOCKS + b, part = (tile * (TILE_K / BLOCK) + of_tile) % BLOCKS_PER_SCALE;
    const uint set = row / PANEL_ROWS * TILE_SETS + (TILE_SETS > 1 ? of_tile / BLOCKS_PER_SCALE : 0);
    local const ushort *packed = (local const ushort *)(stage + A_PIECES) +
                                 (set * PANEL_GROUPS + of_panel / LANES) * (SCALES * LANES) + of_panel % LANES;
    float scale, minimum;
    load_scale(packed, part, &scale, &minimum);
    minimum = MINIMUM(scale, minimum, RANGE);
#pragma unroll
    for (uint c = 0; c < BLOCK / CHUNK; ++c) {
      uint chunk[CHUNK_WORDS];
      load_chunk(packed, part, words + b * WORDS, c, chunk);
      uint pairs[4];
#pragma unroll
      for (uint i = 0; i < 8; i += 2)
        pairs[i / 2] = halves_of(fma(UNPACK(chunk, i), scale * UNPLACE(i), minimum),
                                 fma(UNPACK(chunk, i + 1), scale * UNPLACE(i + 1), minimum));
      halves[(of_tile * (BLOCK / CHUNK) + c) * TILE_ROWS + row] = (uint4)(pairs[0], pairs[1], pairs[2], pairs[3]);
    }
  }
}

#endif

kernel GROUP_OF_ITEMS void matmul_16(ROOTS_8, const struct matmul_arguments arguments) {
  global uchar *const roots[] = {LIST_8};
  const struct matmul_arguments *a = &arguments;
  local uint4 stages[STAGES * STAGE_PIECES] __attribute__((aligned(128)));
#if IS_UNPACKED
#define HALVES_PIECES (TILE_ROWS * TILE_K / 8)
  local uint4 halves[2 * HALVES_PIECES] __attribute__((aligned(128)));
#endif
  const uint item = get_local_id(0), lane = item % 32, warp = item / 32 % 4, warp_group = item / 128;
  struct operands o;
  o.weights = VIEW(const uint4, 2, weights);
  o.scales = (global const uint4 *)((global const ushort *)o.weights + a->scales_offset);
  o.x = VIEW(const uint4, 0, x);
  o.first_token = get_group_id(0) * TILE_N;
  o.first_row = get_group_id(1) * TILE_ROWS;
  o.panels = (a->rows + 31) / 32;
  o.token_panels = (a->tokens + 31) / 32;
  o.columns = a->columns;
  const uint tiles = a->columns / TILE_K;
  float c[TILE_N / 2];
#pragma unroll
  for (uint i = 0; i < TILE_N / 2; ++i) c[i] = 0.0f;

#pragma unroll
  for (uint s = 0; s < STAGES - 1; ++s) {
    if (s < tiles) copy_tile(&o, s, item, stages + s * STAGE_PIECES);
    COMMIT_COPIES;
  }
  WAIT_FOR_COPIES(STAGES - 3);
  barrier(CLK_LOCAL_MEM_FENCE);
#if IS_UNPACKED
  unpack_tile(stages, 0, item, halves);
  SHOW_TO_UNITS;
  barrier(CLK_LOCAL_MEM_FENCE);
#endif
  uint stage = 0;
  for (uint tile = 0; tile < tiles; ++tile) {
    local const uint4 *here = stages + stage * STAGE_PIECES;
    const uint after = stage + 1 == STAGES ? 0 : stage + 1, before = stage == 0 ? STAGES - 1 : stage - 1;
#if IS_UNPACKED
    local const uint4 *rows = halves + tile % 2 * HALVES_PIECES;
#else
    local const uint4 *rows = here;
#endif
    BEGIN_PRODUCTS;
#pragma unroll
    for (uint k = 0; k < TILE_K / 16; ++k)
      multiply(c, rows + warp_group * 64 + k * 2 * TILE_ROWS, TILE_ROWS, here + A_PIECES + SCALE_PIECES + k * 2 * TILE_N);
    COMMIT_PRODUCTS;
    // All have passed the barrier after the tile before, whose stage is free.
    if (tile + STAGES - 1 < tiles) copy_tile(&o, tile + STAGES - 1, item, stages + before * STAGE_PIECES);
    COMMIT_COPIES;
#if IS_UNPACKED
    if (tile + 1 < tiles) unpack_tile(stages + after * STAGE_PIECES, tile + 1, item, halves + (tile + 1) % 2 * HALVES_PIECES);
#endif
    // In this order: NVIDIA's assembler 12.9 crashes over the other.
    WAIT_FOR_PRODUCTS;
    // The tile after the next one, for all after the barrier.
    WAIT_FOR_COPIES(STAGES - 3);
    barrier(CLK_LOCAL_MEM_FENCE);
    stage = after;
  }

  global const float *factors = VIEW(const float, 1, x_sums);
  struct epilogue e = {VIEW(const float, 3, bias), VIEW(const float, 4, residual), VIEW(float, 5, y),
                       a->flags & GATE ? a->rows / 2 : a->rows, a->y_stride, a->flags, a->scale};
  const uint group = (o.first_row + warp_group * 64 + warp / 2 * 32) / LANES, of_group = warp % 2 * 8 + lane / 4;
#pragma unroll
  for (uint j = 0; j < TILE_N / 8; ++j)
#pragma unroll
    for (uint i = 0; i < 2; ++i) {
      const uint token = o.first_token + 8 * j + lane % 4 * 2 + i;
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
