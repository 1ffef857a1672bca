// The parts of matmul/matmul.simt.cl.

#pragma once

#include "quantization/weights.cl"
#include "matmul/tile.cl"

#define WARP PANEL_ROWS
// Whether the warps that go on with chains sum no blocks.
#ifndef CHAIN_ALONE
#define CHAIN_ALONE 0
#endif
#define FIRST_WARP (CHAIN_ALONE ? CHAIN_WARPS : 0)
#define WARPS (LOCAL / WARP - FIRST_WARP)
// Rows of a panel that a work-item has; work-items of a warp that have the same rows share out its blocks.
#ifndef LANE_ROWS
#define LANE_ROWS 1
#endif
#define ROW_LANES (WARP / LANE_ROWS)
// Blocks that a warp sums in a round, whole units (quantization/weights.cl) for each share of its work-items, and rounds that are on
// their way from memory.
#ifndef SHARE
#define SHARE (UNIT_BLOCKS * LANE_ROWS)
#endif
#ifndef AHEAD
#define AHEAD 1
#endif
#define ROUND (WARPS * SHARE)
#define BLOCKS (COLUMNS / BLOCK)
#define ROUNDS ((BLOCKS + ROUND - 1) / ROUND)
// Whole turns of AHEAD; rounds past the end do nothing.
#define ROUNDS_DONE ((ROUNDS + AHEAD - 1) / AHEAD * AHEAD)
#define IS_WHOLE (BLOCKS % (ROUND * AHEAD) == 0)
// Whether a work-group may have panels that follow each other, whose blocks then do so too.
#define HAS_PANELS (WHOLE && IS_WHOLE && ROUNDS > 1)
#define HELD_SHARE (HELD_WORDS * SHARE)

// The tokens whose chains a warp goes on with.
#if TILE_M == 1
typedef float tokens_f;
#define CHAINS 1
#elif TILE_M == 2
typedef float2 tokens_f;
#define CHAINS 2
#else
typedef float4 tokens_f;
#define CHAINS 4
#endif
#define CHAIN_WARPS (TILE_M / CHAINS)
#define ROUND_SUMS (ROUND * CHAIN_WARPS * WARP)
// Those of two rounds; before, a norm's partial sums, and magnitudes of columns that are all there.
#define SUMS_BEFORE ((WHOLE && COLUMNS / 4 > PARTS ? COLUMNS / 4 : PARTS) * CHAIN_WARPS)
#define SUMS ((NORM || ROUNDED) && 2 * ROUND_SUMS < SUMS_BEFORE ? SUMS_BEFORE : 2 * ROUND_SUMS)

#include "matmul/source.simt.cl"

// A round's sets of scales, of both groups, in 8 bytes.
#define ROUND_SETS ((ROUND + BLOCKS_PER_SCALE - 1) / BLOCKS_PER_SCALE)
#define SET_VECTORS (ROUND_SETS * PANEL_GROUPS * SCALES * LANES / 4)
#define SET_LOADS ((SET_VECTORS + LOCAL - 1) / LOCAL)

// What a work-item has loaded of a round: its words, and its part of what all share.
struct ahead {
  uint words[HELD_SHARE];
#if !WHOLE
  float4 x[X_LOADS], norm[X_LOADS];
#endif
#if SCALES > 0
  uint2 sets[SET_LOADS];
#endif
};

// Number r of a work-item's rows.
static inline uint row_of_lane(const uint lane, const uint r) { return lane % ROW_LANES + r * ROW_LANES; }

// Unit i of a work-item's blocks of the round that begins with block `first` of `end`; nothing past the end, where no sum is used. `row`
// is a work-item's first row, from its share of the blocks on.
static inline void load_units(global const uint *row, const uint first, const uint end, const uint i, const uint warp, const uint lane,
                              uint *words) {
  if (WORDS == 0 || first >= end) return;
  const uint unit = (first + warp * SHARE) / UNIT_BLOCKS + i;
  if (!IS_WHOLE && unit + lane / ROW_LANES >= BLOCKS / UNIT_BLOCKS) return;
#pragma unroll
  for (uint r = 0; r < LANE_ROWS; ++r) load_unit(row + r * (ROW_LANES * ASIDE), unit, words + (i + r) * HELD_UNIT);
}

static inline void load_share(global const uint *row, const uint first, const uint end, const uint warp, const uint lane, uint *words) {
#pragma unroll
  for (uint i = 0; i < SHARE / UNIT_BLOCKS; i += LANE_ROWS) load_units(row, first, end, i, warp, lane, words);
}

// The scales of all rows for the round that begins with block `first` of `end`.
static inline void load_sets(global const uint2 *sets, const uint first, const uint end, const uint item, struct ahead *next) {
#if SCALES > 0
  const uint from = first / BLOCKS_PER_SCALE * (SET_VECTORS / ROUND_SETS);
  const uint past = end / BLOCKS_PER_SCALE * (SET_VECTORS / ROUND_SETS);
#pragma unroll
  for (uint i = 0; i < SET_LOADS; ++i) {
    const uint at = i * LOCAL + item;
    if (SET_VECTORS % LOCAL > 0 && at >= SET_VECTORS) continue;
    next->sets[i] = sets[IS_WHOLE && ROUND % BLOCKS_PER_SCALE == 0 ? from + at : min(from + at, past - 1)];
  }
#endif
}

INLINE void store_sets(const struct ahead *next, const uint item, local uint2 *sets) {
#if SCALES > 0
#pragma unroll
  for (uint i = 0; i < SET_LOADS; ++i)
    if (SET_VECTORS % LOCAL == 0 || i * LOCAL + item < SET_VECTORS) sets[i * LOCAL + item] = next->sets[i];
#endif
}

// A row's set of scales of the round's block, in its round.
INLINE local const ushort *set_of(local const ushort *sets, const uint first, const uint block, const uint row) {
#if SCALES > 0
  const uint set = (first + block) / BLOCKS_PER_SCALE - first / BLOCKS_PER_SCALE;
  return sets + (set * PANEL_GROUPS + row / LANES) * (SCALES * LANES) + row % LANES;
#else
  return sets;
#endif
}

// LLVM 15 (in PoCL) loses sums of many blocks that are unrolled into one function for x86-64.
#if defined(__x86_64__)
#define APART __attribute__((noinline))
#else
#define APART inline
#endif

// The sums of a block of a work-item's rows: x is read once for all of them. The rows' words are a unit apart.
static APART void sum_block(const uint *words, local const float4 *x, local const ushort *sets, const uint first, const uint block,
                            const uint lane, local tokens_f *sums) {
  float sum[LANE_ROWS][TILE_M];
#pragma unroll
  for (uint r = 0; r < LANE_ROWS; ++r)
#pragma unroll
    for (uint m = 0; m < TILE_M; ++m) sum[r][m] = 0.0f;
#pragma unroll
  for (uint c = 0; c < BLOCK / CHUNK; ++c) {
    uint chunk[LANE_ROWS][CHUNK_WORDS];
#pragma unroll
    for (uint r = 0; r < LANE_ROWS; ++r)
      load_chunk(set_of(sets, first, block, row_of_lane(lane, r)), (first + block) % BLOCKS_PER_SCALE, words + r * HELD_UNIT, c,
                 chunk[r]);
#pragma unroll
    for (uint i = 0; i < CHUNK * TILE_M; i += 4) {
      const float4 xs = x[(c * CHUNK * TILE_M + i) / 4];
#pragma unroll
      for (uint r = 0; r < LANE_ROWS; ++r) {
        sum[r][(i + 0) % TILE_M] = fma(UNPACK(chunk[r], (i + 0) / TILE_M), xs.x, sum[r][(i + 0) % TILE_M]);
        sum[r][(i + 1) % TILE_M] = fma(UNPACK(chunk[r], (i + 1) / TILE_M), xs.y, sum[r][(i + 1) % TILE_M]);
        sum[r][(i + 2) % TILE_M] = fma(UNPACK(chunk[r], (i + 2) / TILE_M), xs.z, sum[r][(i + 2) % TILE_M]);
        sum[r][(i + 3) % TILE_M] = fma(UNPACK(chunk[r], (i + 3) / TILE_M), xs.w, sum[r][(i + 3) % TILE_M]);
      }
    }
  }
#pragma unroll
  for (uint r = 0; r < LANE_ROWS; ++r) {
    local tokens_f *to = sums + block * CHAIN_WARPS * WARP + row_of_lane(lane, r);
#if TILE_M == 1
    to[0] = sum[r][0];
#elif TILE_M == 2
    to[0] = (float2)(sum[r][0], sum[r][1]);
#else
#pragma unroll
    for (uint m = 0; m < TILE_M; m += 4) to[m / 4 * WARP] = (float4)(sum[r][m], sum[r][m + 1], sum[r][m + 2], sum[r][m + 3]);
#endif
  }
}

// The sums of a warp's blocks of a round; where words were, those of round `next` are loaded.
INLINE void sum_share(uint *words, local const float *xs, local const ushort *sets, const uint first, const uint warp,
                      const uint lane, local tokens_f *sums, global const uint *row, const uint next, const uint end) {
#pragma unroll
  for (uint i = 0; i < SHARE / UNIT_BLOCKS; i += LANE_ROWS) {
#pragma unroll
    for (uint j = 0; j < UNIT_BLOCKS; ++j) {
      const uint block = warp * SHARE + (i + lane / ROW_LANES) * UNIT_BLOCKS + j;
      sum_block(words + i * HELD_UNIT + j * HELD_WORDS, (local const float4 *)(xs + block * X_STRIDE), sets, first, block, lane, sums);
    }
    load_units(row, next, end, i, warp, lane, words);
  }
}

// The chains of CHAINS tokens of a row, after a round's blocks, of which the first is block `first`, or with whole rounds alike.
INLINE tokens_f chained(tokens_f acc, local const tokens_f *sums, local const tokens_f *sums_of_x,
                        local const tokens_f *scales_of_x, local const ushort *sets, const uint first, const uint warp,
                        const uint lane) {
  const uint end = IS_WHOLE ? ROUND : min((uint)ROUND, BLOCKS - min(first, (uint)BLOCKS));
#pragma unroll 8
  for (uint block = 0; block < end; ++block) {
    const tokens_f sum = sums[(block * CHAIN_WARPS + warp) * WARP + lane];
#if SCALES > 0
    float scale, minimum;
    load_scale(set_of(sets, first, block, lane), (first + block) % BLOCKS_PER_SCALE, &scale, &minimum);
#if ROUNDED
    acc = fma(scale * scales_of_x[block * CHAIN_WARPS + warp], sum, acc);
#else
    acc = fma((tokens_f)scale, sum, acc);
#endif
    acc = fma((tokens_f)MINIMUM(scale, minimum, RANGE), sums_of_x[block * CHAIN_WARPS + warp], acc);
#else
    acc += sum;
#endif
  }
  return acc;
}

// The tokens of a row of a panel, or of a pair of a gate's row and an up's; `results` are all of the panel's.
//
// Inlined always: from a function of its own PoCL 3.1 stores nothing.
INLINE void store_tokens(local const tokens_f *results, const struct product_tile *t,
                         const uint panel, const uint warp, const uint lane) {
  float values[CHAINS], ups[CHAINS];
  const bool is_gated = t->epilogue.flags & GATE;
  const tokens_f result = results[warp * WARP + lane], up = results[warp * WARP + (lane + LANES) % WARP];
#if CHAINS == 1
  values[0] = result;
  ups[0] = up;
#elif CHAINS == 2
  vstore2(result, 0, values);
  vstore2(up, 0, ups);
#else
  vstore4(result, 0, values);
  vstore4(up, 0, ups);
#endif
#pragma unroll
  for (uint m = 0; m < CHAINS; ++m) {
    const uint token = warp * CHAINS + m, group = panel * PANEL_GROUPS;
    if (token >= t->count) continue;
    if (!is_gated)
      store_group(values[m], &t->epilogue, t->row + token, group + lane / LANES, lane % LANES);
    else if (lane < LANES)
      store_gated(values[m], ups[m], &t->epilogue, t->row + token, group, lane);
  }
}
