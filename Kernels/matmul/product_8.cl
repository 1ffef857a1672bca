// The body of matmul/matmul_8.cl: the tile of y that begins at `row` and `first_group`, of which a simt work-item computes the rows of
// `lane`. Called as the product of matmul/product.cl is.

#pragma once

#include "matmul/format_8.cl"
#include "matmul/tile.cl"

// A vector core unpacks a block once for all its tokens, into its first-level cache; a simt lane unpacks into registers.
#define STAGED (!SIMT && TILE_M > 1)

// The tokens and groups of a tile whose sums are in registers at once: beside those of a block, those of its parts and the
// scales.
#if SIMT || HELD_SUMS >= 24
#define SUM_M TILE_M
#define SUM_N TILE_N
#else
#define SUM_M (TILE_M % 4 == 0 ? 4 : TILE_M)
#define SUM_N 1
#endif

// Compilers take long over all words of a large tile at once; what is short enough in instructions of its own gains by it, where
// there are registers for it.
#define DOT_UNROLL ((STAGED && DOT_8 < 3) || (!SIMT && HELD_SUMS < 24) ? 2 : BLOCK / DOT_COUNT)

// GPUs' compilers keep an array that a variable indexes in memory: scales are of a part that they know, where code is short.
#define PART_UNROLL (SIMT && DOT_8 == 2 ? BLOCKS_PER_SCALE : 1)

#define INTEGER_WORDS (BLOCK / DOT_COUNT)
#if DOT_COUNT == 4
#define DOT_ADD dot_4
#define DOT_SUM dot_4_sum
#else
#define DOT_ADD dot_2
#define DOT_SUM(sum) (sum)
#endif

// As matmul/product.cl's.
static inline void product(global const float *x, global const uint *weights, const ulong scales_offset,
                           const struct epilogue *epilogue, const uint rows, const uint columns, const uint packed_row,
                           const uint row, const uint count, const uint first_group, const uint lane) {
  const uint blocks = columns / BLOCK;
  const uint groups = (rows + LANES - 1) / LANES;
  if (first_group >= groups) return;

  // The last work-item may have fewer tiles than TILES.
  const uint tiles = TILES == 1 ? 1 : min((uint)TILES, (count + TILE_M - 1) / TILE_M);

  global const uint *packed = (global const uint *)x + (ulong)packed_row * (columns / 32) * PACKED_8;
  global const uint *quants[TILE_N];
  global const ushort *scales[TILE_N];
#pragma unroll
  for (int n = 0; n < TILE_N; ++n) {
    // A group past the end repeats the last one; its result is not stored.
    const uint group = min(first_group + n, groups - 1);
#if SIMT
    quants[n] = weights + row_at(group, lane, blocks);
#else
    quants[n] = weights + quants_at(group, 0, blocks);
#endif
    scales[n] = (global const ushort *)weights + scales_offset + scales_at(group, 0, blocks / BLOCKS_PER_SCALE) + lane;
  }

  lanes_f acc[TILES][TILE_M][TILE_N];
  for (uint t = 0; t < tiles; ++t)
#pragma unroll
    for (int m = 0; m < TILE_M; ++m)
#pragma unroll
      for (int n = 0; n < TILE_N; ++n) acc[t][m][n] = 0.0f;

  for (uint super = 0; super < blocks; super += BLOCKS_PER_SCALE) {
    lanes_f scale[TILE_N][BLOCKS_PER_SCALE], minimum[TILE_N][BLOCKS_PER_SCALE];
#pragma unroll
    for (int n = 0; n < TILE_N; ++n) {
      lanes_h set[SCALES];
#pragma unroll
      for (int s = 0; s < SCALES; ++s) set[s] = LOAD_LANES(scales[n] + s * LANES);
      load_scales(set, scale[n], minimum[n]);
      // From the map of UNPACK to that of q.
#pragma unroll
      for (int part = 0; part < BLOCKS_PER_SCALE; ++part) scale[n][part] *= 1.0f / RANGE;
      scales[n] += PANEL_GROUPS * SCALES * LANES;
    }
#pragma unroll PART_UNROLL
    for (uint part = 0; part < BLOCKS_PER_SCALE; ++part) {
      const uint column = (super + part) * BLOCK;
#if SIMT
      uint held[TILE_N][HELD_WORDS];
#pragma unroll
      for (int n = 0; n < TILE_N; ++n) load_words(quants[n], super + part, held[n]);
#endif
#if !SIMT && TILE_M == 1
#pragma unroll
      for (int n = 0; n < TILE_N; ++n)
#pragma unroll
        for (int w = 0; w < WORDS; ++w) FETCH_AHEAD(quants[n], w);
#endif
#if STAGED
      lanes_u unpacked[INTEGER_WORDS][TILE_N];
#pragma unroll
      for (uint w = 0; w < INTEGER_WORDS; ++w)
#pragma unroll
        for (int n = 0; n < TILE_N; ++n) unpacked[w][n] = load_integers(quants[n], w);
#endif
#pragma unroll 1
      for (uint t = 0; t < tiles; ++t) {
#pragma unroll 1
        for (int part_n = 0; part_n < TILE_N; part_n += SUM_N)
#pragma unroll 1
          for (int part_m = 0; part_m < TILE_M; part_m += SUM_M) {
            global const uint *xs = packed + (ulong)(t * (columns / 32) + column / 32) * PACKED_8 * TILE_M + part_m;
            global const uint *words = xs + (1 + 32 / BLOCK + column % 32 / DOT_COUNT) * TILE_M;
            lanes_i total[SUM_M][SUM_N];
#pragma unroll
            for (uint first = 0; first < INTEGER_WORDS; first += DOT_RUN) {
              lanes_i sum[SUM_M][SUM_N];
#pragma unroll
              for (int m = 0; m < SUM_M; ++m)
#pragma unroll
                for (int n = 0; n < SUM_N; ++n) sum[m][n] = 0;
#pragma unroll DOT_UNROLL
              for (uint w = first; w < first + DOT_RUN; ++w) {
                lanes_u weight[SUM_N];
#pragma unroll
                for (int n = 0; n < SUM_N; ++n)
#if STAGED
                  weight[n] = unpacked[w][part_n + n];
#elif SIMT
                  weight[n] = load_integers(held[n], w);
#else
                  weight[n] = load_integers(quants[part_n + n], w);
#endif
#pragma unroll
                for (int m = 0; m < SUM_M; ++m)
#pragma unroll
                  for (int n = 0; n < SUM_N; ++n) sum[m][n] = DOT_ADD(weight[n], words[w * TILE_M + m], sum[m][n]);
              }
#pragma unroll
              for (int m = 0; m < SUM_M; ++m)
#pragma unroll
                for (int n = 0; n < SUM_N; ++n)
                  total[m][n] = first == 0 ? DOT_SUM(sum[m][n]) : total[m][n] + DOT_SUM(sum[m][n]);
            }
#pragma unroll
            for (int m = 0; m < SUM_M; ++m) {
              const lanes_f x_scale = as_float(xs[m]);
              const lanes_f x_sum = as_float(xs[(1 + column % 32 / BLOCK) * TILE_M + m]);
#pragma unroll
              for (int n = 0; n < SUM_N; ++n) {
                lanes_f *sums = &acc[t][part_m + m][part_n + n];
                *sums = fma(scale[part_n + n][part] * x_scale, TO_FLOAT(total[m][n]), *sums);
                *sums = fma(MINIMUM(scale[part_n + n][part], minimum[part_n + n][part], 1.0f), x_sum, *sums);
              }
            }
          }
      }
#if !SIMT
#pragma unroll
      for (int n = 0; n < TILE_N; ++n) quants[n] += WORDS * PANEL_ROWS;
#endif
    }
  }

  for (uint t = 0; t < tiles; ++t) {
#if SIMT
#pragma unroll
#endif
    for (uint m = 0; m < TILE_M; ++m) {
      if (t * TILE_M + m >= count) continue;
      const uint at = row + t * TILE_M + m;
#if TILE_N % 2 == 0
      if (epilogue->flags & GATE) {
#if SIMT
#pragma unroll
#endif
        for (int n = 0; n < TILE_N; n += 2)
          store_gated(acc[t][m][n], acc[t][m][n + 1], epilogue, at, first_group + n, lane);
        continue;
      }
#endif
#if SIMT
#pragma unroll
#endif
      for (int n = 0; n < TILE_N; ++n) store_group(acc[t][m][n], epilogue, at, first_group + n, lane);
    }
  }
}
