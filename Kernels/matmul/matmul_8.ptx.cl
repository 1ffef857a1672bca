// The product of matmul/matmul_8.cl of many tokens, by NVIDIA's products of small matrices (common/mma.cl): the same bits, since the
// sums of a block are exact integers in whatever order, and what follows them is the same.
//
// A work-group has TILE_M tokens × PANELS panels of 32 rows, a warp one panel and half of the tokens. A block of 32 columns is one
// product of 16 rows × 8 tokens (two where the format's blocks are 16). Weights are unpacked right into the registers that the
// instruction wants: word 2t and 2t + 1 of a row's block (matmul/format_8.cl) are lane t's. Activations and scales pass through
// local memory, STAGE blocks at a time, the next ones on their way while these are multiplied.
//
//   x   (tokens/TILE_M, columns/32) tiles as matmul/activations_8.cl lays them out with TENSOR
// and all else as in matmul/matmul_8.cl, with TILES = 1.   units   (tokens/TILE_M, rows/(32 · PANELS)), LOCAL = 64 · PANELS
// The caller guarantees columns % (32 · STAGE) = 0.

#ifndef TILE_M
#define TILE_M 128
#endif
#ifndef STAGE
#define STAGE 2
#endif
#define TENSOR 1

#include "common/mma.cl"
#include "matmul/format_8.cl"
#include "matmul/tile.cl"

#define TOKEN_WARPS 2
#define PANELS (LOCAL / 32 / TOKEN_WARPS)
#define ROWS (32 * PANELS)
// Of a warp, products of 8 tokens.
#define EIGHTS (TILE_M / TOKEN_WARPS / 8)
#define PARTS_8 (32 / BLOCK)
// Sets of scales come for so many blocks at once.
#define SPAN (BLOCKS_PER_SCALE > STAGE * PARTS_8 ? BLOCKS_PER_SCALE : STAGE * PARTS_8)
#define STAGES_OF_SPAN (SPAN / (STAGE * PARTS_8))
#define SETS_OF_SPAN (SPAN / BLOCKS_PER_SCALE)

// A row's scale, and where the format has one, its minimum.
#if IS_Q4_1 || IS_Q5_1 || IS_Q4_K || IS_Q5_K
typedef float2 row_scale;
#define ROW_SCALE(scale, minimum) (float2)(scale, minimum)
#define SCALE_OF(row) ((row).x)
#define MINIMUM_OF(row) ((row).y)
#else
typedef float row_scale;
#define ROW_SCALE(scale, minimum) (scale)
#define SCALE_OF(row) (row)
#define MINIMUM_OF(row) MINIMUM(row, 0.0f, 1.0f)
#endif

// What lane t takes of a row's 32 columns: of one block words 2t and 2t + 1 of bytes, of two word t of each.
struct fragment {
  uint low[2], high[2];
};

static inline struct fragment load_fragment(global const uint *row, const uint block, const uint t) {
  struct fragment f;
#pragma unroll
  for (uint i = 0; i < 2; ++i) {
    const uint first = (block + (PARTS_8 == 2 ? i : 0)) * WORDS, w = PARTS_8 == 2 ? t : 2 * t + i;
    f.low[i] = row[WORD_OF_ROW(first + LOW_WORD(w))];
    f.high[i] = HAS_HIGH ? row[WORD_OF_ROW(first)] : 0;
  }
  return f;
}

static inline uint2 bytes_of_fragment(const struct fragment f, const uint t) {
  return PARTS_8 == 2 ? (uint2)(bytes_of(f.low[0], f.high[0], t), bytes_of(f.low[1], f.high[1], t))
                      : (uint2)(bytes_of(f.low[0], f.high[0], 2 * t), bytes_of(f.low[1], f.high[1], 2 * t + 1));
}

// The scales of `row` of the work-group, of SPAN blocks from the sets at `from` on.
INLINE void stage_scales(global const ushort *from, local row_scale *to) {
#pragma unroll
  for (int set_of = 0; set_of < SETS_OF_SPAN; ++set_of) {
    lanes_h set[SCALES];
    lanes_f scale[BLOCKS_PER_SCALE], minimum[BLOCKS_PER_SCALE];
#pragma unroll
    for (int s = 0; s < SCALES; ++s) set[s] = from[(set_of * PANEL_GROUPS * SCALES + s) * LANES];
    load_scales(set, scale, minimum);
#pragma unroll
    for (int i = 0; i < BLOCKS_PER_SCALE; ++i) to[(set_of * BLOCKS_PER_SCALE + i) * ROWS] = ROW_SCALE(scale[i], minimum[i]);
  }
}

#define STAGE_VECTORS (STAGE * TILE_M * TOKEN_WORDS / 4)
INLINE void copy_stage(local uint4 *to, global const uint4 *from, const uint item) {
#pragma unroll
  for (uint i = 0; i < STAGE_VECTORS; i += LOCAL)
    if (i + LOCAL <= STAGE_VECTORS || i + item < STAGE_VECTORS) copy_16(to + i + item, from + i + item);
}

// Added to 1.5 · 2^23 as an integer, a sum is that float plus itself.
#define MAGIC 0x4b400000
static inline float sum_of(const int sum) { return as_float(sum) - 12582912.0f; }

kernel GROUP_OF_ITEMS void matmul_8(ROOTS_8, const struct matmul_arguments arguments) {
  local uint4 x[2][STAGE_VECTORS];
  local row_scale scales[2][SPAN * ROWS];
  MMA_SCRATCH;

  global uchar *const roots[] = {LIST_8};
  const struct matmul_arguments *a = &arguments;
  struct product_tile tile;
  set_tile(&tile, roots, a, get_group_id(0));
  const uint blocks = a->columns / BLOCK, groups = (a->rows + LANES - 1) / LANES;
  const uint item = get_local_id(0), warp = item / 32, g = item % 32 / 4, t = item % 4;
  const uint first_group = (get_group_id(1) * PANELS + warp / TOKEN_WARPS) * PANEL_GROUPS;
  const uint first_token = warp % TOKEN_WARPS * EIGHTS * 8;
  if (GROUPED && tile.count == 0) return;

  // Panels past the end repeat the last; their results are not stored.
  const uint last_panel = (groups - 1) / PANEL_GROUPS;
  global const uint *quants = tile.weights + row_at(min(first_group, last_panel * PANEL_GROUPS), g, blocks);
  const uint scaled_row = item % ROWS;
  global const ushort *sets =
      (global const ushort *)tile.weights + a->scales_offset +
      scales_at(min((uint)get_group_id(1) * PANELS + scaled_row / 32, last_panel) * PANEL_GROUPS + scaled_row / LANES % 2, 0,
                blocks / BLOCKS_PER_SCALE) +
      scaled_row % LANES;
  global const uint4 *packed = VIEW(const uint4, 0, x) + (ulong)tile.packed_row * (a->columns / 32) * TOKEN_WORDS / 4;

  float sums[2][EIGHTS][4];
#pragma unroll
  for (int i = 0; i < 2; ++i)
#pragma unroll
    for (int n = 0; n < EIGHTS; ++n)
#pragma unroll
      for (int c = 0; c < 4; ++c) sums[i][n][c] = 0.0f;

  const uint stages = a->columns / (32 * STAGE);
  copy_stage(x[0], packed, item);
  if (item < ROWS) stage_scales(sets, scales[0] + scaled_row);

  struct fragment next[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) next[i] = load_fragment(quants + i * 8 * ASIDE, 0, t);

#pragma unroll 1
  for (uint stage = 0; stage < stages; ++stage) {
    copies_done();
    SYNC_GROUP;
    const uint following = stage + 1;
    if (following < stages) {
      packed += STAGE_VECTORS;
      copy_stage(x[following % 2], packed, item);
      if (following % STAGES_OF_SPAN == 0) {
        sets += SETS_OF_SPAN * PANEL_GROUPS * SCALES * LANES;
        if (item < ROWS) stage_scales(sets, scales[following / STAGES_OF_SPAN % 2] + scaled_row);
      }
    }
    local const row_scale *rows = scales[stage / STAGES_OF_SPAN % 2] + stage % STAGES_OF_SPAN * STAGE * PARTS_8 * ROWS +
                                  warp / TOKEN_WARPS * 32 + g;
#pragma unroll 1
    for (uint block = 0; block < STAGE; ++block) {
      uint2 near[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) near[i] = bytes_of_fragment(next[i], t);
      // The last block is fetched again after itself.
      const uint following_block = min((stage * STAGE + block + 1) * PARTS_8, blocks - PARTS_8);
#pragma unroll
      for (int i = 0; i < 4; ++i) next[i] = load_fragment(quants + i * 8 * ASIDE, following_block, t);
      local const uint *words = (local const uint *)x[stage % 2] + block * TILE_M * TOKEN_WORDS;
      local const float *heads = (local const float *)words + TILE_M * 8 + (first_token + 2 * t) * HEAD_WORDS;
      words += (first_token + g) * 8 + 2 * t;
      MMA_UNROLL
      for (uint n = 0; n < EIGHTS; ++n) {
        const uint2 b = *(local const uint2 *)(words + n * 64);
#if PARTS_8 == 1
        const float4 head = *(local const float4 *)(heads + n * 16);
        const float scale_0 = head.x, scale_1 = head.z;
#else
        const float4 head_0 = *(local const float4 *)(heads + n * 32), head_1 = *(local const float4 *)(heads + n * 32 + 4);
        const float scale_0 = head_0.x, scale_1 = head_1.x;
#endif
        MMA_UNROLL
        for (uint i = 0; i < 2; ++i)
#pragma unroll
          for (int part = 0; part < PARTS_8; ++part) {
#if PARTS_8 == 1
            const int4 sum = mma_bytes_32((int4)(MAGIC), near[2 * i].x, near[2 * i + 1].x, near[2 * i].y, near[2 * i + 1].y, b.x, b.y, SCRATCH);
            const float sum_0 = head.y, sum_1 = head.w;
#else
            const int4 sum = part ? mma_bytes_16((int4)(MAGIC), near[2 * i].y, near[2 * i + 1].y, b.y, SCRATCH)
                                  : mma_bytes_16((int4)(MAGIC), near[2 * i].x, near[2 * i + 1].x, b.x, SCRATCH);
            const float sum_0 = part ? head_0.z : head_0.y, sum_1 = part ? head_1.z : head_1.y;
#endif
            const row_scale low = rows[(block * PARTS_8 + part) * ROWS + i * LANES];
            const row_scale high = rows[(block * PARTS_8 + part) * ROWS + i * LANES + 8];
            float *acc = sums[i][n];
            acc[0] = fma(SCALE_OF(low) * scale_0, sum_of(sum.x), acc[0]);
            acc[1] = fma(SCALE_OF(low) * scale_1, sum_of(sum.y), acc[1]);
            acc[2] = fma(SCALE_OF(high) * scale_0, sum_of(sum.z), acc[2]);
            acc[3] = fma(SCALE_OF(high) * scale_1, sum_of(sum.w), acc[3]);
            acc[0] = fma(MINIMUM_OF(low), sum_0, acc[0]);
            acc[1] = fma(MINIMUM_OF(low), sum_1, acc[1]);
            acc[2] = fma(MINIMUM_OF(high), sum_0, acc[2]);
            acc[3] = fma(MINIMUM_OF(high), sum_1, acc[3]);
          }
      }
    }
  }

#pragma unroll
  for (int n = 0; n < EIGHTS; ++n)
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const uint token = first_token + n * 8 + 2 * t + c % 2, lane = g + c / 2 * 8;
      if (token >= tile.count) continue;
      if (tile.epilogue.flags & GATE) {
        store_gated(sums[0][n][c], sums[1][n][c], &tile.epilogue, tile.row + token, first_group, lane);
        continue;
      }
#pragma unroll
      for (int i = 0; i < 2; ++i) store_group(sums[i][n][c], &tile.epilogue, tile.row + token, first_group + i, lane);
    }
}
