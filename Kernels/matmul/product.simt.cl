// The parts of matmul/matmul.simt.cl.

#pragma once

#include "quantization/weights.cl"
#include "matmul/tile.cl"
#include "norm/row.cl"

#define WARP PANEL_ROWS
#define WARPS (LOCAL / WARP)
// Blocks that a warp sums in a round, whole units (quantization/weights.cl), and rounds that are on their way from memory.
#ifndef SHARE
#define SHARE UNIT_BLOCKS
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
// Those of two rounds; before, a norm's partial sums.
#define SUMS (NORM && 2 * ROUND_SUMS < PARTS * CHAIN_WARPS ? PARTS * CHAIN_WARPS : 2 * ROUND_SUMS)

// Floats from block to block of x, (BLOCK, TILE_M) and so many that blocks begin in other banks.
#define X_STRIDE (BLOCK * TILE_M + 4)
#define X_COLUMNS (ROUND * BLOCK)
#define X_LOADS ((X_COLUMNS + LOCAL - 1) / LOCAL)
// A round's sets of scales, of both groups, in 16 bytes.
#define ROUND_SETS ((ROUND + BLOCKS_PER_SCALE - 1) / BLOCKS_PER_SCALE)
#define SET_VECTORS (ROUND_SETS * PANEL_GROUPS * SCALES * LANES / 8)
#define SET_LOADS ((SET_VECTORS + LOCAL - 1) / LOCAL)

// What a work-item has loaded of a round: its warp's words, and its part of what all share.
struct ahead {
  uint words[HELD_SHARE];
  float x[X_LOADS][TILE_M];
#if NORM
  float norm[X_LOADS];
#endif
#if SCALES > 0
  uint4 sets[SET_LOADS];
#endif
};

// A tile's rows of x.
struct source {
  global const float *rows[TILE_M];
  global const float *norm;
  float factor[TILE_M];
#if ROUNDED
  // Of x's blocks of 32 columns; the first row of the tile, and its rows.
  global const float *scales;
  ulong first;
  uint count;
#endif
};

#if ROUNDED
static inline ulong row_of_source(const struct source *s, const uint m) { return s->first + (m < s->count ? m : 0); }
#endif

static inline void set_source(struct source *s, global const float *x, global const uint *order, const uint flags,
                              const struct product_tile *t) {
#pragma unroll
  for (uint m = 0; m < TILE_M; ++m) {
    // A row past the end repeats the first one; its result is not stored.
    ulong row = t->row + (m < t->count ? m : 0);
#if GROUPED
    if (!(flags & BY_SLOT)) row = order[row];
#endif
    s->rows[m] = x + row * COLUMNS;
  }
}

#if NORM
// The factors of the rows' norms, of all work-items together, in the order of norm/row.cl.
static inline void set_factors(struct source *s, const float epsilon, const uint item, local float *parts) {
#pragma unroll
  for (uint m = 0; m < TILE_M; ++m)
    for (uint part = item; part < PARTS; part += LOCAL) {
      float sum = 0.0f;
#pragma unroll 8
      for (uint c = part; c < COLUMNS; c += PARTS) sum = fma(s->rows[m][c], s->rows[m][c], sum);
      parts[m * PARTS + part] = sum;
    }
  for (uint width = PARTS / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint at = item; at < width * TILE_M; at += LOCAL) {
      local float *sum = parts + at / width * PARTS + at % width;
      *sum += sum[width];
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
  for (uint m = 0; m < TILE_M; ++m) s->factor[m] = inverse_root(parts[m * PARTS], COLUMNS, epsilon);
}
#endif

// The words of the warp's blocks of the round that begins with block `first`: past the end, of the last ones, of which no sum is used.
static inline void load_share(global const uint *row, const uint first, const uint warp, uint *words) {
  if (WORDS == 0 || first >= BLOCKS) return;
#pragma unroll
  for (uint i = 0; i < SHARE / UNIT_BLOCKS; ++i) {
    const uint unit = (first + warp * SHARE) / UNIT_BLOCKS + i;
    load_unit(row, IS_WHOLE ? unit : min(unit, (uint)BLOCKS / UNIT_BLOCKS - 1), words + i * UNIT_BLOCKS * HELD_WORDS);
  }
}

// 2^(TOP_PLACE − PLACE) of column i, which a weight in place is multiplied by.
#define FACTOR(i) (float)(1 << (TOP_PLACE - PLACE(i)))

static inline void load_x(const struct source *s, const uint block, const uint item, struct ahead *next) {
#pragma unroll
  for (uint i = 0; i < X_LOADS; ++i) {
    const uint at = i * LOCAL + item, column = min(block * BLOCK + at, (uint)COLUMNS - 1);
#pragma unroll
    for (uint m = 0; m < TILE_M; ++m) {
      next->x[i][m] = s->rows[m][column];
    }
#if NORM
    next->norm[i] = s->norm[column];
#endif
  }
}

static inline void store_x(const struct source *s, const struct ahead *next, const uint item, local float *xs) {
  float factor = FACTOR(0);
#pragma unroll
  for (int i = 1; i < CHUNK; ++i) factor = item % CHUNK == i ? FACTOR(i) : factor;
#pragma unroll
  for (uint i = 0; i < X_LOADS; ++i) {
    const uint at = i * LOCAL + item;
    if (X_COLUMNS % LOCAL > 0 && at >= X_COLUMNS) break;
    local float *to = xs + at / BLOCK * X_STRIDE + at % BLOCK * TILE_M;
#pragma unroll
    for (uint m = 0; m < TILE_M; ++m)
#if NORM
      to[m] = next->x[i][m] * s->factor[m] * next->norm[i] * factor;
#else
      to[m] = next->x[i][m] * factor;
#endif
  }
}

static inline void load_staged(const struct source *x, global const uint4 *sets, const uint block, const uint item,
                               struct ahead *next) {
  if (block >= BLOCKS) return;
  load_x(x, block, item, next);
#if SCALES > 0
  const uint first = block / BLOCKS_PER_SCALE * (SET_VECTORS / ROUND_SETS);
  const uint end = BLOCKS / BLOCKS_PER_SCALE * (SET_VECTORS / ROUND_SETS);
#pragma unroll
  for (uint i = 0; i < SET_LOADS; ++i) next->sets[i] = sets[min(first + i * LOCAL + item, end - 1)];
#endif
}

static inline void store_staged(const struct source *x, const struct ahead *next, const uint item, local float *xs,
                                local uint4 *sets) {
  store_x(x, next, item, xs);
#if SCALES > 0
#pragma unroll
  for (uint i = 0; i < SET_LOADS; ++i)
    if (i * LOCAL + item < SET_VECTORS) sets[i * LOCAL + item] = next->sets[i];
#endif
}

// A row's set of scales of the round's block, in its round.
static inline local const ushort *set_of(local const ushort *sets, const uint first, const uint block, const uint lane) {
  const uint set = (first + block) / BLOCKS_PER_SCALE - first / BLOCKS_PER_SCALE;
  return sets + (set * PANEL_GROUPS + lane / LANES) * (SCALES * LANES) + lane % LANES;
}

// The sums of the round's blocks of x, in the order of activations.cl: a work-item has a block of a token.
static inline void sum_x(const struct source *s, local const float *xs, const uint first, const uint item, local float *sums,
                         local float *scales) {
#if SCALES > 0
#pragma unroll
  for (uint i = 0; i < ROUND * TILE_M; i += LOCAL) {
    // From the last warp on, since the first have chains. Not at % ROUND: oclgrind miscounts the few bits that LLVM makes of it.
    const uint at = i + LOCAL - 1 - item, m = min(at / ROUND, (uint)TILE_M), block = at - m * ROUND;
    if (at >= ROUND * TILE_M) continue;
    local const float *x = xs + block * X_STRIDE + m;
    float of_16[BLOCK / 16];
#pragma unroll
    for (uint part = 0; part < BLOCK / 16; ++part) {
      float v[8];
#pragma unroll
      for (uint j = 0; j < 8; ++j)
        v[j] = (x[(part * 16 + j) * TILE_M] + x[(part * 16 + 8 + j) * TILE_M]) * (1.0f / FACTOR(j));
#pragma unroll
      for (uint width = 4; width > 0; width /= 2)
#pragma unroll
        for (uint j = 0; j < width; ++j) v[j] += v[j + width];
      of_16[part] = v[0];
    }
#if BLOCK == 32
    of_16[0] += of_16[1];
#endif
#if ROUNDED
    const float scale = s->scales[row_of_source(s, m) * (COLUMNS / 32) + min(first + block, (uint)BLOCKS - 1) * BLOCK / 32];
    scales[block * TILE_M + m] = scale;
    sums[block * TILE_M + m] = scale * of_16[0];
#else
    sums[block * TILE_M + m] = of_16[0];
#endif
  }
#endif
}

// LLVM 15 (in PoCL) loses sums of many blocks that are unrolled into one function for x86-64.
#if defined(__x86_64__)
#define APART __attribute__((noinline))
#else
#define APART inline
#endif

// The sums of a block.
static APART void sum_block(const uint *words, local const float4 *x, local const ushort *packed, const uint part,
                             local tokens_f *sums) {
  float sum[TILE_M];
#pragma unroll
  for (uint m = 0; m < TILE_M; ++m) sum[m] = 0.0f;
#pragma unroll
  for (uint c = 0; c < BLOCK / CHUNK; ++c) {
    uint chunk[CHUNK_WORDS];
    load_chunk(packed, part, words, c, chunk);
#pragma unroll
    for (uint i = 0; i < CHUNK * TILE_M; i += 4) {
      const float4 xs = x[(c * CHUNK * TILE_M + i) / 4];
      sum[(i + 0) % TILE_M] = fma(UNPACK(chunk, (i + 0) / TILE_M), xs.x, sum[(i + 0) % TILE_M]);
      sum[(i + 1) % TILE_M] = fma(UNPACK(chunk, (i + 1) / TILE_M), xs.y, sum[(i + 1) % TILE_M]);
      sum[(i + 2) % TILE_M] = fma(UNPACK(chunk, (i + 2) / TILE_M), xs.z, sum[(i + 2) % TILE_M]);
      sum[(i + 3) % TILE_M] = fma(UNPACK(chunk, (i + 3) / TILE_M), xs.w, sum[(i + 3) % TILE_M]);
    }
  }
#if TILE_M == 1
  sums[0] = sum[0];
#elif TILE_M == 2
  sums[0] = (float2)(sum[0], sum[1]);
#else
#pragma unroll
  for (uint m = 0; m < TILE_M; m += 4) sums[m / 4 * WARP] = (float4)(sum[m], sum[m + 1], sum[m + 2], sum[m + 3]);
#endif
}

// The sums of a warp's blocks of a round.
static inline void sum_share(const uint *words, local const float *xs, local const ushort *sets, const uint first, const uint warp,
                             const uint lane, local tokens_f *sums) {
#pragma unroll
  for (uint j = 0; j < SHARE; ++j) {
    const uint block = warp * SHARE + j;
#if SCALES > 0
    local const ushort *packed = set_of(sets, first, block, lane);
#else
    local const ushort *packed = 0;
#endif
    sum_block(words + j * HELD_WORDS, (local const float4 *)(xs + j * X_STRIDE), packed, (first + block) % BLOCKS_PER_SCALE,
              sums + block * CHAIN_WARPS * WARP + lane);
  }
}

// The chains of CHAINS tokens of a row, after a round's blocks.
static inline tokens_f chained(tokens_f acc, local const tokens_f *sums, local const tokens_f *sums_of_x,
                               local const tokens_f *scales_of_x, local const ushort *sets, const uint first, const uint warp, const uint lane) {
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

// The tokens of a row, or of a pair of a gate's row and an up's.
static inline void store_tokens(const tokens_f acc, local const tokens_f *results, const struct product_tile *t, const uint panel,
                                const uint warp, const uint lane) {
  float values[CHAINS], ups[CHAINS];
  const bool is_gated = t->epilogue.flags & GATE;
  const tokens_f up = is_gated ? results[warp * WARP + (lane + LANES) % WARP] : acc;
#if CHAINS == 1
  values[0] = acc;
  ups[0] = up;
#elif CHAINS == 2
  vstore2(acc, 0, values);
  vstore2(up, 0, ups);
#else
  vstore4(acc, 0, values);
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
