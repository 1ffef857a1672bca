// The body of matmul/matmul.cl: the tile of y that begins at `row` and `first_group`.

#pragma once

#include "quantization/weights.cl"
#include "matmul/tile.cl"

// A vector core unpacks a block once for several tiles, or for one whose sums do not all fit its registers, into its first-level
// cache; else into registers.
#define STAGED (TILE_M > 1 && (TILES > 1 || TILE_M * TILE_N > HELD_SUMS))
// Of a tile whose weights are staged, the tokens and groups whose sums are in registers at once.
#if STAGED && TILE_M * TILE_N > HELD_SUMS
#define SUM_N 1
#define SUM_M (TILE_M <= HELD_SUMS ? TILE_M : TILE_M % 6 == 0 && HELD_SUMS >= 6 ? 6 : 4)
#else
#define SUM_N TILE_N
#define SUM_M TILE_M
#endif

// The tile of `count` rows of x, packed from row `packed_row` on, that are rows `row` and more of y.
static inline void product(global const float *x, global const float *x_sums, global const uint *weights,
                           const ulong scales_offset, const struct epilogue *epilogue, const uint rows, const uint columns,
                           const uint packed_row, const uint row, const uint count, const uint first_group) {
  const uint blocks = columns / BLOCK;
  const uint groups = (rows + LANES - 1) / LANES;
  if (first_group >= groups) return;

  // The last work-item may have fewer tiles than TILES.
#if TILES == 1
  const uint tiles = 1;
#else
  const uint tiles = min((uint)TILES, (count + TILE_M - 1) / TILE_M);
#endif

  x += (ulong)packed_row * columns;
  x_sums += (ulong)packed_row * blocks;
  global const uint *quants[TILE_N];
  global const ushort *scales[TILE_N];
#pragma unroll
  for (int n = 0; n < TILE_N; ++n) {
    // A group past the end repeats the last one; its result is not stored.
    const uint group = min(first_group + n, groups - 1);
    quants[n] = weights + quants_at(group, 0, blocks);
    scales[n] = (global const ushort *)weights + scales_offset + scales_at(group, 0, blocks / BLOCKS_PER_SCALE);
  }

  lanes_f acc[TILES][TILE_M][TILE_N];
  for (uint t = 0; t < tiles; ++t)
#pragma unroll
    for (int m = 0; m < TILE_M; ++m)
#pragma unroll
      for (int n = 0; n < TILE_N; ++n) acc[t][m][n] = 0.0f;

  for (uint super = 0; super < blocks; super += BLOCKS_PER_SCALE) {
    lanes_h packed[TILE_N][SCALES + 1];
#if SCALES > 0
    lanes_f scale[TILE_N][BLOCKS_PER_SCALE], minimum[TILE_N][BLOCKS_PER_SCALE];
#pragma unroll
    for (int n = 0; n < TILE_N; ++n) {
#pragma unroll
      for (int s = 0; s < SCALES; ++s) packed[n][s] = LOAD_LANES(scales[n] + s * LANES);
      load_scales(packed[n], scale[n], minimum[n]);
      scales[n] += PANEL_GROUPS * SCALES * LANES;
    }
#endif
#pragma unroll 1
    for (uint part = 0; part < BLOCKS_PER_SCALE; ++part) {
      const uint block = super + part;
#if STAGED
      lanes_f unpacked[BLOCK][TILE_N];
      for (uint c = 0; c < BLOCK / CHUNK; ++c)
#pragma unroll
        for (int n = 0; n < TILE_N; ++n) {
          lanes_u chunk[CHUNK_WORDS];
          load_chunk(packed[n], part, quants[n], c, chunk);
#pragma unroll
          for (int i = 0; i < CHUNK; ++i) unpacked[c * CHUNK + i][n] = UNPACK(chunk, i);
        }
#endif
#pragma unroll 1
      for (uint t = 0; t < tiles; ++t) {
#pragma unroll
        for (int first_n = 0; first_n < TILE_N; first_n += SUM_N)
#pragma unroll
          for (int first_m = 0; first_m < TILE_M; first_m += SUM_M) {
            global const float *xs = x + ((ulong)t * columns + (ulong)block * BLOCK) * TILE_M + first_m;
            lanes_f sum[SUM_M][SUM_N];
#pragma unroll
            for (int m = 0; m < SUM_M; ++m)
#pragma unroll
              for (int n = 0; n < SUM_N; ++n) sum[m][n] = 0.0f;
#if STAGED
#pragma unroll 2
            for (uint i = 0; i < BLOCK; ++i) {
              lanes_f weight[SUM_N];
#pragma unroll
              for (int n = 0; n < SUM_N; ++n) weight[n] = unpacked[i][first_n + n];
#pragma unroll
              for (int m = 0; m < SUM_M; ++m)
#pragma unroll
                for (int n = 0; n < SUM_N; ++n) sum[m][n] = fma(weight[n], (lanes_f)xs[i * TILE_M + m], sum[m][n]);
            }
#else
// More chunks at once, and the compiler unpacks them all before it sums, into memory.
#pragma unroll 1
            for (uint c = 0; c < BLOCK / CHUNK; ++c) {
              lanes_u chunk[TILE_N][CHUNK_WORDS];
#pragma unroll
              for (int n = 0; n < TILE_N; ++n) {
                load_chunk(packed[n], part, quants[n], c, chunk[n]);
                FETCH_AHEAD(quants[n], c);
              }
#pragma unroll
              for (int i = 0; i < CHUNK; ++i)
#pragma unroll
                for (int m = 0; m < TILE_M; ++m)
#pragma unroll
                  for (int n = 0; n < TILE_N; ++n)
                    sum[m][n] = fma(UNPACK(chunk[n], i), (lanes_f)xs[(c * CHUNK + i) * TILE_M + m], sum[m][n]);
            }
#endif
#pragma unroll
            for (int m = 0; m < SUM_M; ++m) {
#if SCALES > 0
              const lanes_f x_sum = x_sums[(t * blocks + block) * TILE_M + first_m + m];
#endif
#pragma unroll
              for (int n = 0; n < SUM_N; ++n) {
                lanes_f *total = &acc[t][first_m + m][first_n + n];
#if SCALES > 0
                *total = fma(scale[first_n + n][part], sum[m][n], *total);
                *total = fma(MINIMUM(scale[first_n + n][part], minimum[first_n + n][part], RANGE), x_sum, *total);
#else
                *total += sum[m][n];
#endif
              }
            }
          }
      }
#pragma unroll
      for (int n = 0; n < TILE_N; ++n) quants[n] += WORDS * PANEL_ROWS;
    }
  }

  for (uint t = 0; t < tiles; ++t)
    for (uint m = 0; m < TILE_M; ++m) {
      if (t * TILE_M + m >= count) continue;
      const uint at = row + t * TILE_M + m;
#if TILE_N % 2 == 0
      if (epilogue->flags & GATE) {
        for (int n = 0; n < TILE_N; n += 2)
          store_gated(acc[t][m][n], acc[t][m][n + 1], epilogue, at, first_group + n, 0);
        continue;
      }
#endif
      for (int n = 0; n < TILE_N; ++n) store_group(acc[t][m][n], epilogue, at, first_group + n, 0);
    }
}
