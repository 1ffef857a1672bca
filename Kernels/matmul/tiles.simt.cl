// y[token, row] = Σ_k x[token, k] · w[row, k] of many tokens in the simt style: matmul/matmul.cl in tiles that pass through local
// memory, with the same sums in the same order.
//
//        TILE_M tokens
//       ┌──────────────┐       A work-group unpacks the weights of TILE_ROWS rows × STAGE columns once, as floats, beside as many
//       │ x  (k, token)│       columns of its tokens. While it multiplies them, the next are on their way in registers; they go to
//  ┌────┼──────────────┤       the other half of the local memory, so that there is one barrier a stage.
//  │w   │ 8 × 4 sums   │
//  │(k, │ a work-item  │       A work-item has ITEM_TOKENS tokens, in fours, and 8 rows: four of a group and the four that lie
//  │row)│              │       16 further on, which are the ups of those gates where rows alternate.
//  └────┴──────────────┘
//
//   views   as matmul/matmul.cl; x and x_sums as matmul/activations.cl packs them
//   units   (tiles of TILE_M tokens, ⌈rows/TILE_ROWS⌉)

#define IN_PLACE 1
#define CHUNK_ALONE
#define SCALES_GLOBAL
#include "quantization/weights.cl"
#include "matmul/epilogue.cl"
#include "matmul/rows.cl"

#ifndef TILE_ROWS
#define TILE_ROWS 64
#endif
#define ITEM_TOKENS (TILE_M * (TILE_ROWS / 8) / LOCAL)
// Columns of a stage, and the stages whose scales are made at once: those of four blocks.
#define STAGE 16
#ifndef UNROLLED
// Unpacking of Q3_K leaves fewer registers.
#define UNROLLED (IS_Q3_K ? 8 : 16)
#endif
#define SCALE_BLOCKS 4
#define SCALE_STAGES (SCALE_BLOCKS * BLOCK / STAGE)
// What a work-item brings of a stage: chunks of one row, and fours of x.
#define STAGE_CHUNKS (TILE_ROWS * (STAGE / CHUNK))
#define STAGE_FOURS (TILE_M * (STAGE / 4))
#define CHUNKS ((STAGE_CHUNKS + LOCAL - 1) / LOCAL)
#define FOURS ((STAGE_FOURS + LOCAL - 1) / LOCAL)

struct staged {
  uint words[CHUNKS][HELD_CHUNK];
  float4 x[FOURS];
};

// Where a work-item's row and its x begin.
struct sources {
  global const uint *row;
  global const ushort *halves;
  global const float4 *x;
};

static inline uint chunk_of(const uint stage, const uint item, const uint i) {
  return stage % (BLOCK / STAGE) * (STAGE / CHUNK) + (LOCAL > TILE_ROWS ? item / TILE_ROWS % (STAGE / CHUNK) : 0) + i;
}

// Only loads: what is computed of them here would wait for them.
static inline void load_stage(struct staged *next, const struct sources *from, const uint stage, const uint item) {
#pragma unroll
  for (uint i = 0; i < CHUNKS; ++i)
    load_chunk_words(from->row, stage * STAGE / BLOCK, chunk_of(stage, item, i), next->words[i]);
#pragma unroll
  for (uint i = 0; i < FOURS; ++i)
    if (FOURS * LOCAL <= STAGE_FOURS || item < STAGE_FOURS) next->x[i] = from->x[stage * STAGE_FOURS + i * LOCAL];
}

INLINE void store_stage(const struct staged *next, const struct sources *from, const uint stage, const uint item,
                        local float *weights, local float4 *x) {
  if (CHUNKS * LOCAL <= STAGE_CHUNKS || item < STAGE_CHUNKS) {
    const uint block = stage * STAGE / BLOCK;
    PACKED halves = from->halves + block / BLOCKS_PER_SCALE * (PANEL_GROUPS * SCALES * LANES);
    weights += item / TILE_ROWS * (CHUNK * TILE_ROWS) + item % TILE_ROWS;
#pragma unroll
    for (uint i = 0; i < CHUNKS; ++i) {
      uint chunk[CHUNK_WORDS];
      load_chunk(halves, block % BLOCKS_PER_SCALE, next->words[i], chunk_of(stage, item, i), chunk);
#pragma unroll
      for (uint j = 0; j < CHUNK; ++j) weights[(i * CHUNK + j) * TILE_ROWS] = UNPACK(chunk, j);
    }
  }
#pragma unroll
  for (uint i = 0; i < FOURS; ++i)
    if (FOURS * LOCAL <= STAGE_FOURS || item < STAGE_FOURS) x[i * LOCAL + item] = next->x[i];
}

kernel GROUP_OF_ITEMS void matmul(ROOTS_8, const struct matmul_arguments arguments) {
  global uchar *const roots[] = {LIST_8};
  const struct matmul_arguments *a = &arguments;
  const uint item = get_local_id(0), tile = get_group_id(0), columns = a->columns, blocks = columns / BLOCK;
  const uint groups = (a->rows + LANES - 1) / LANES, first_row = get_group_id(1) * TILE_ROWS;
  global const uint *weights = VIEW(const uint, 2, weights);
  global const float *bias = VIEW(const float, 3, bias);
  uint row = tile * TILE_M, count = a->tokens - row;
#if GROUPED
  global const int *experts = VIEW(const int, 7, experts);
  if ((int)tile >= *experts) return;
  const int4 entry = EXPERT_TILES(experts)[tile];
  weights = (global const uint *)((global const uchar *)weights + (ulong)entry.x * a->expert_stride);
  bias = BIAS_OF(bias, entry.w, a->rows);
  row = entry.y;
  count = entry.z;
#endif

  // Two stages, one of which is multiplied while the other is stored. Four weights of a column, or four tokens, are one load.
  local float weight_tile[2][STAGE * TILE_ROWS] __attribute__((aligned(16)));
  local float4 x_tile[2][STAGE * TILE_M / 4];
  local float scale_tile[SCALE_BLOCKS * TILE_ROWS] __attribute__((aligned(16)));
  local float minimum_tile[SCALE_BLOCKS * TILE_ROWS] __attribute__((aligned(16)));
  local float sum_tile[SCALE_BLOCKS * TILE_M] __attribute__((aligned(16)));

  // A row past the end is as one of the last group, and not stored.
  const uint own_row = item % TILE_ROWS, own_group = min((first_row + own_row) / LANES, groups - 1);
  const struct sources from = {
      weights + row_at(own_group, own_row % LANES, blocks),
      (global const ushort *)weights + a->scales_offset + scales_at(own_group, 0, blocks / BLOCKS_PER_SCALE) + own_row % LANES,
      VIEW(const float4, 0, x) + (ulong)tile * columns * (TILE_M / 4) + item};
  global const float *x_sums = VIEW(const float, 1, x_sums) + (ulong)tile * blocks * TILE_M;
  // Neighbors in a pair have the same rows, pairs of pairs the same tokens: what they load of local memory is then sent to both at once.
  const uint lane = item % 32, panel = item / 32 % (TILE_ROWS / 32);
  const uint row_four = panel * 8 + (lane >> 1 & 1) + (lane >> 2 & 2);
  const uint token_four = item / TILE_ROWS * (ITEM_TOKENS * 2) + (lane & 1) + (lane >> 1 & 2) + (lane >> 2 & 4);

  float acc[ITEM_TOKENS][8], sum[ITEM_TOKENS][8];
#pragma unroll
  for (uint m = 0; m < ITEM_TOKENS; ++m)
#pragma unroll
    for (uint n = 0; n < 8; ++n) acc[m][n] = sum[m][n] = 0.0f;

  const uint stages = columns / STAGE;
  struct staged next;
  load_stage(&next, &from, 0, item);
#pragma unroll 1
  for (uint first_stage = 0; first_stage < stages; first_stage += 32 / STAGE) {
#if SCALES > 0
    if (first_stage % SCALE_STAGES == 0) {
      barrier(CLK_LOCAL_MEM_FENCE);
      const uint block = first_stage * STAGE / BLOCK;
#pragma unroll
      for (uint first = 0; first < SCALE_BLOCKS * TILE_ROWS; first += LOCAL) {
        const uint i = first + item, of = min(block + i / TILE_ROWS, blocks - 1);
        float scale, minimum;
        load_scale(from.halves + of / BLOCKS_PER_SCALE * (PANEL_GROUPS * SCALES * LANES), of % BLOCKS_PER_SCALE, &scale, &minimum);
        scale_tile[i] = scale;
        minimum_tile[i] = MINIMUM(scale, minimum, RANGE);
      }
      for (uint i = item; i < SCALE_BLOCKS * TILE_M; i += LOCAL)
        sum_tile[i] = x_sums[min(block * TILE_M + i, blocks * TILE_M - 1)];
    }
#endif
#pragma unroll
    for (uint of = 0; of < 32 / STAGE; ++of) {
      const uint stage = first_stage + of, block = stage * STAGE / BLOCK;
      // Never: a branch that keeps compilers from unpacking what has just been asked for before it is needed.
      if (stage >= stages) break;
      store_stage(&next, &from, stage, item, weight_tile[of % 2], x_tile[of % 2]);
      // Before the barrier, which no compiler moves them across; else they are loaded where they are needed.
      if (stage + 1 < stages) load_stage(&next, &from, stage + 1, item);
      barrier(CLK_LOCAL_MEM_FENCE);
      local const float4 *w = (local const float4 *)weight_tile[of % 2] + row_four;
      local const float4 *xs = x_tile[of % 2] + token_four;
      if (of * STAGE % BLOCK == 0)
#pragma unroll
        for (uint m = 0; m < ITEM_TOKENS; ++m)
#pragma unroll
          for (uint n = 0; n < 8; ++n) sum[m][n] = 0.0f;
#pragma unroll UNROLLED
      for (uint k = 0; k < STAGE; ++k) {
        const float4 w_0 = w[k * (TILE_ROWS / 4)], w_1 = w[k * (TILE_ROWS / 4) + 4];
        const float of_row[8] = {w_0.x, w_0.y, w_0.z, w_0.w, w_1.x, w_1.y, w_1.z, w_1.w};
#pragma unroll
        for (uint i = 0; i < ITEM_TOKENS / 4; ++i) {
          const float4 four = xs[k * (TILE_M / 4) + i * 8];
          const float of_token[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
          for (uint m = 0; m < 4; ++m)
#pragma unroll
            for (uint n = 0; n < 8; ++n) sum[i * 4 + m][n] = fma(of_row[n], of_token[m], sum[i * 4 + m][n]);
        }
      }
      if ((of + 1) * STAGE % BLOCK != 0) continue;
#pragma unroll
      for (uint half_of = 0; half_of < 2; ++half_of)
#pragma unroll
        for (uint i = 0; i < ITEM_TOKENS / 4; ++i) {
#if SCALES > 0
          const uint rows_at = block % SCALE_BLOCKS * (TILE_ROWS / 4) + row_four + half_of * 4;
          const float4 s = ((local const float4 *)scale_tile)[rows_at], least = ((local const float4 *)minimum_tile)[rows_at];
          const float4 four = ((local const float4 *)sum_tile)[block % SCALE_BLOCKS * (TILE_M / 4) + token_four + i * 8];
          const float scale[4] = {s.x, s.y, s.z, s.w}, minimum[4] = {least.x, least.y, least.z, least.w};
          const float x_sum[4] = {four.x, four.y, four.z, four.w};
#endif
#pragma unroll
          for (uint m = 0; m < 4; ++m)
#pragma unroll
            for (uint n = 0; n < 4; ++n) {
              float *total = &acc[i * 4 + m][half_of * 4 + n], part = sum[i * 4 + m][half_of * 4 + n];
#if SCALES > 0
              *total = fma(scale[n], part, *total);
              *total = fma(minimum[n], x_sum[m], *total);
#else
              *total += part;
#endif
            }
        }
    }
  }

  struct epilogue epilogue = {bias, VIEW(const float, 4, residual), VIEW(float, 5, y),
                              a->flags & GATE ? a->rows / 2 : a->rows, a->y_stride, a->flags, a->scale};
  local float *values = (local float *)weight_tile;
  for (uint pass = 0; pass < ITEM_TOKENS; ++pass) {
    barrier(CLK_LOCAL_MEM_FENCE);
    local float4 *own = (local float4 *)values + (token_four / (ITEM_TOKENS * 2) * 8 + token_four % 8) * (TILE_ROWS / 4) + row_four;
#pragma unroll
    for (uint m = 0; m < ITEM_TOKENS; ++m)
      if (m == pass) {
        own[0] = (float4)(acc[m][0], acc[m][1], acc[m][2], acc[m][3]);
        own[4] = (float4)(acc[m][4], acc[m][5], acc[m][6], acc[m][7]);
      }
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 1
    for (uint i = item; i < TILE_M / ITEM_TOKENS * TILE_ROWS; i += LOCAL) {
      const uint of_tile = i % TILE_ROWS, four = i / TILE_ROWS;
      const uint token = (four / 8 * (ITEM_TOKENS * 2) + four % 8 + pass / 4 * 8) * 4 + pass % 4;
      const uint group = (first_row + of_tile) / LANES;
      if (token >= count) continue;
      if (!(a->flags & GATE))
        store_group(values[i], &epilogue, row + token, group, i % LANES);
      else if (group % 2 == 0)
        store_gated(values[i], values[i + LANES], &epilogue, row + token, group, i % LANES);
    }
  }
}
