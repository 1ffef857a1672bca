// The body of matmul/matmul.cl: the tile of y that begins at `row` and `first_group`, of which a simt work-item computes the
// rows of `lane`.

#pragma once

#include "quantization/weights.cl"
#include "matmul/tile.cl"

// A vector core unpacks a block once for several tiles, or for one whose sums do not all fit its registers, into its first-level
// cache; else, as a simt lane always, into registers.
#define STAGED (!SIMT && TILE_M > 1 && (TILES > 1 || TILE_M * TILE_N > HELD_SUMS))
// Of a tile whose weights are staged, the tokens and groups whose sums are in registers at once.
#if STAGED && TILE_M * TILE_N > HELD_SUMS
#define SUM_N 1
#define SUM_M (TILE_M <= HELD_SUMS ? TILE_M : TILE_M % 6 == 0 && HELD_SUMS >= 6 ? 6 : 4)
#else
#define SUM_N TILE_N
#define SUM_M TILE_M
#endif

// What a variable indexes a simt lane cannot hold in registers: its loops over arrays are unrolled, with constant bounds. Of the
// parts of many that share scales it unrolls SHARED_PARTS, and picks their scales out first.
#if SIMT
#define UNROLL_SIMT _Pragma("unroll")
#else
#define UNROLL_SIMT
#endif
#if SIMT && SCALES > 0 && BLOCKS_PER_SCALE > 4 && TILE_M > 1
// LLVM 15 mistranslates four parts of four groups for x86-64, and several of one token: what it makes sums to NaN.
#define SHARED_PARTS (TILE_N > 2 ? 2 : 4)
#define OF_PART(values, n) near_##values[n][part_of]
#else
#define SHARED_PARTS 1
#define OF_PART(values, n) values[n][part]
#endif

// Where a product's activations, and the sums of their blocks, lie.
#if SIMT && TILE_M == 1 && !GROUPED
#define SUMS_SPACE local
#else
#define SUMS_SPACE global
#endif
#if SIMT && TILE_M == 1 && NORM && !GROUPED
#define X_SPACE local
#else
#define X_SPACE global
#endif

#if SIMT
// In the order of activations.cl.
static inline float sum_of_block(X_SPACE const float *x) {
  float v[BLOCK];
  for (uint i = 0; i < BLOCK; ++i) v[i] = x[i];
  for (uint width = 8; width > 0; width /= 2)
    for (uint start = 0; start < BLOCK; start += 16)
      for (uint i = 0; i < width; ++i) v[start + i] += v[start + i + width];
#if BLOCK == 32
  v[0] += v[16];
#endif
  return v[0];
}
#endif

// The tile of `count` rows of x, packed from row `packed_row` on, that are rows `row` and more of y.
static inline void product(X_SPACE const float *x, SUMS_SPACE const float *x_sums, global const uint *weights,
                           const ulong scales_offset, const struct epilogue *epilogue, const uint rows, const uint columns,
                           const uint packed_row, const uint row, const uint count, const uint first_group, const uint lane) {
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
    for (uint first_part = 0; first_part < BLOCKS_PER_SCALE; first_part += SHARED_PARTS) {
#if SHARED_PARTS > 1
      lanes_f near_scale[TILE_N][SHARED_PARTS], near_minimum[TILE_N][SHARED_PARTS];
#pragma unroll
      for (int n = 0; n < TILE_N; ++n)
#pragma unroll
        for (uint i = 0; i < BLOCKS_PER_SCALE; ++i)
          if (i < SHARED_PARTS || i / SHARED_PARTS == first_part / SHARED_PARTS) {
            near_scale[n][i % SHARED_PARTS] = scale[n][i];
            near_minimum[n][i % SHARED_PARTS] = minimum[n][i];
          }
#endif
#pragma unroll
      for (uint part_of = 0; part_of < SHARED_PARTS; ++part_of) {
        const uint part = first_part + part_of;
        const uint block = super + part;
#if SIMT
        uint words[TILE_N][HELD_WORDS];
#pragma unroll
        for (int n = 0; n < TILE_N; ++n) load_words(quants[n], block, words[n]);
#endif
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
              X_SPACE const float *xs = x + ((ulong)t * columns + (ulong)block * BLOCK) * TILE_M + first_m;
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
// More chunks at once, and a CPU's compiler unpacks them all before it sums, into memory.
#if SIMT
#pragma unroll
#else
#pragma unroll 1
#endif
              for (uint c = 0; c < BLOCK / CHUNK; ++c) {
                lanes_u chunk[TILE_N][CHUNK_WORDS];
#pragma unroll
                for (int n = 0; n < TILE_N; ++n) {
#if SIMT
                  load_chunk(packed[n], part, words[n], c, chunk[n]);
#else
                  load_chunk(packed[n], part, quants[n], c, chunk[n]);
                  FETCH_AHEAD(quants[n], c);
#endif
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
                  *total = fma(OF_PART(scale, first_n + n), sum[m][n], *total);
                  *total = fma(MINIMUM(OF_PART(scale, first_n + n), OF_PART(minimum, first_n + n), RANGE), x_sum, *total);
#else
                  *total += sum[m][n];
#endif
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
  }

  for (uint t = 0; t < tiles; ++t)
    UNROLL_SIMT
    for (uint m = 0; m < TILE_M; ++m) {
      if (t * TILE_M + m >= count) continue;
      const uint at = row + t * TILE_M + m;
#if TILE_N % 2 == 0
      if (epilogue->flags & GATE) {
        UNROLL_SIMT
        for (int n = 0; n < TILE_N; n += 2)
          store_gated(acc[t][m][n], acc[t][m][n + 1], epilogue, at, first_group + n, lane);
        continue;
      }
#endif
      UNROLL_SIMT
      for (int n = 0; n < TILE_N; ++n) store_group(acc[t][m][n], epilogue, at, first_group + n, lane);
    }
}
