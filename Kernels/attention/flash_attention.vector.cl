// out = softmax(scale · q Kᵀ, masked) V, tile by tile with an online softmax (FlashAttention, Dao et al. 2022)
//
// One work-item computes up to TOKENS consecutive queries of one sequence, each for HEAD_ROWS heads that share their keys and
// values: ROWS = TOKENS · HEAD_ROWS rows, for which keys and values are read once. Keys come in tiles of KEY_TILE that start at
// multiples of KEY_TILE, whatever the query: each row's sums run in one order, and a tile that its mask rules out changes
// nothing, so a row's result does not depend on its neighbours. Scores and the output are products like matmul's: lanes are
// keys in the first, head columns in the second; the other dimension runs in sequence.
//
//   q         token t's heads at q + t · q_stride, (heads, HEAD_SIZE)
//   keys, values: see common/cache.cl;  tables: block ids of each sequence
//   tiles     (tiles) int4: first token, count ≤ TOKENS, where the sequence's block ids begin in `tables`, 0
//   positions (tokens): a query sees the keys from position − window + 1 to position
//   out       (tokens, heads, HEAD_SIZE)
//
// global size (tiles, heads / HEAD_ROWS), local size (1, 1).  The caller guarantees HEAD_SIZE % 32 = 0, block_size % 16 = 0, and
// that HEAD_ROWS divides the heads of a group.

#ifndef HEAD_SIZE
#define HEAD_SIZE 64
#endif
#ifndef TOKENS
#define TOKENS 12
#endif
#ifndef HEAD_ROWS
#define HEAD_ROWS 1
#endif
#ifndef KEY_TILE
#define KEY_TILE 64
#endif

#include "common/cache.cl"
#include "common/math.cl"
#include "common/sums.cl"

#define ROWS (TOKENS * HEAD_ROWS)
#define KEY_GROUPS (KEY_TILE / LANES)
#define COLUMN_GROUPS (HEAD_SIZE / LANES)
// Groups of lanes whose sums are held in registers together: as many as let 24 vectors hold those of all rows.
#define FITS(span, groups) ((groups) % (span) == 0 && ROWS * (span) <= 24)
#define KEY_SPAN (FITS(4, KEY_GROUPS) ? 4 : 2)
#define COLUMN_SPAN (FITS(8, COLUMN_GROUPS) ? 8 : FITS(4, COLUMN_GROUPS) ? 4 : 2)
// How far ahead of its use a key or value is fetched into the cache, in elements.
#ifndef PREFETCH
#define PREFETCH 1536
#endif
#define LOWEST -1e30f

inline float largest_lane(float16 v) {
  const float8 a = max(v.lo, v.hi);
  const float4 b = max(a.lo, a.hi);
  const float2 c = max(b.lo, b.hi);
  return max(c.lo, c.hi);
}

// One tile of the heads from first_head on.
inline void attend(global const float *q, global const cache_element *keys, global const cache_element *values,
                   global const uint *tables, const int4 tile, global const int *positions, global float *out, const uint heads,
                   const uint kv_heads, const uint q_stride, const uint block_size, const uint window, const float scale,
                   const float soft_cap, const uint first_head) {
  const uint kv_head = first_head / (heads / kv_heads);
  const uint first_token = tile.x;
  const uint count = tile.y;
  tables += tile.z;
  const int16 lane_ids = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

  // (HEAD_SIZE, ROWS), scaled; the heads of a token are side by side, tokens past the count repeat the last one.
  float query[HEAD_SIZE][ROWS];
  int last[ROWS], first[ROWS];
  int begin = INT_MAX, end = 0;
  for (uint m = 0; m < ROWS; ++m) {
    const uint token = first_token + min(m / HEAD_ROWS, count - 1);
    global const float *row = q + (ulong)token * q_stride + (first_head + m % HEAD_ROWS) * HEAD_SIZE;
    for (uint d = 0; d < HEAD_SIZE; ++d) query[d][m] = row[d] * scale;
    last[m] = positions[token];
    first[m] = window > 0 ? max(last[m] - (int)window + 1, 0) : 0;
    begin = min(begin, first[m]);
    end = max(end, last[m] + 1);
  }

  float16 sums[ROWS][COLUMN_GROUPS];
  float highest[ROWS], total[ROWS];
  for (uint m = 0; m < ROWS; ++m) {
    highest[m] = LOWEST;
    total[m] = 0.0f;
    for (uint c = 0; c < COLUMN_GROUPS; ++c) sums[m][c] = 0.0f;
  }

  for (int start = begin / KEY_TILE * KEY_TILE; start < end; start += KEY_TILE) {
    const int tile_keys = min(KEY_TILE, end - start);
    // Groups that hold keys, in whole spans.
    const uint groups = (tile_keys + LANES * KEY_SPAN - 1) / (LANES * KEY_SPAN) * KEY_SPAN;
    float16 scores[ROWS][KEY_GROUPS];
#pragma unroll 1
    for (uint g = 0; g < groups; g += KEY_SPAN) {
      global const cache_element *group[KEY_SPAN];
#pragma unroll
      for (uint s = 0; s < KEY_SPAN; ++s) {
        // Groups past the end repeat the first; their scores are masked.
        const int position = start + (int)(g + s) * LANES < end ? start + (g + s) * LANES : start;
        group[s] = keys + key_group_at(tables[position / block_size], position % block_size, kv_head, kv_heads, HEAD_SIZE,
                                       block_size);
      }
      float16 acc[ROWS][KEY_SPAN];
#pragma unroll
      for (uint m = 0; m < ROWS; ++m)
#pragma unroll
        for (uint s = 0; s < KEY_SPAN; ++s) acc[m][s] = 0.0f;
#pragma unroll 2
      for (uint d = 0; d < HEAD_SIZE; ++d) {
        float16 key[KEY_SPAN];
#pragma unroll
        for (uint s = 0; s < KEY_SPAN; ++s) {
          key[s] = load_cached(group[s] + d * LANES);
          if (TOKENS == 1) prefetch(group[s] + d * LANES + PREFETCH, LANES);
        }
#pragma unroll
        for (uint m = 0; m < ROWS; ++m)
#pragma unroll
          for (uint s = 0; s < KEY_SPAN; ++s) acc[m][s] = fma(key[s], (float16)query[d][m], acc[m][s]);
      }
#pragma unroll
      for (uint m = 0; m < ROWS; ++m)
#pragma unroll
        for (uint s = 0; s < KEY_SPAN; ++s) scores[m][g + s] = acc[m][s];
    }

    float correction[ROWS];
    for (uint m = 0; m < ROWS; ++m) {
      float16 best = LOWEST;
      for (uint g = 0; g < groups; ++g) {
        float16 score = scores[m][g];
        if (soft_cap > 0.0f) score = soft_cap * hyperbolic_tangent(score / soft_cap);
        const int16 position = lane_ids + (start + (int)g * LANES);
        score = select((float16)-INFINITY, score, position >= first[m] && position <= last[m]);
        scores[m][g] = score;
        best = max(best, score);
      }
      const float highest_now = max(highest[m], largest_lane(best));
      float16 tile_sum = 0.0f;
      for (uint g = 0; g < groups; ++g) {
        scores[m][g] = exponential(scores[m][g] - highest_now);
        tile_sum += scores[m][g];
      }
      correction[m] = exponential((float16)(highest[m] - highest_now)).s0;
      total[m] = fma(total[m], correction[m], sum_of_lanes(tile_sum));
      highest[m] = highest_now;
    }

#pragma unroll 1
    for (uint c = 0; c < COLUMN_GROUPS; c += COLUMN_SPAN) {
      float16 acc[ROWS][COLUMN_SPAN];
#pragma unroll
      for (uint m = 0; m < ROWS; ++m)
#pragma unroll
        for (uint s = 0; s < COLUMN_SPAN; ++s) acc[m][s] = sums[m][c + s] * correction[m];
      const float *weights = (const float *)scores;
      for (int group_start = 0; group_start < tile_keys; group_start += LANES) {
        const int position = start + group_start;
        global const cache_element *value =
            values + value_at(tables[position / block_size], position % block_size, kv_head, kv_heads, HEAD_SIZE, block_size) +
            c * LANES;
        const int group_end = min(group_start + LANES, tile_keys);
        for (int k = group_start; k < group_end; ++k) {
          float16 v[COLUMN_SPAN];
#pragma unroll
          for (uint s = 0; s < COLUMN_SPAN; ++s) {
            v[s] = load_cached(value + s * LANES);
            if (TOKENS == 1) prefetch(value + s * LANES + PREFETCH, LANES);
          }
#pragma unroll
          for (uint m = 0; m < ROWS; ++m)
#pragma unroll
            for (uint s = 0; s < COLUMN_SPAN; ++s) acc[m][s] = fma(v[s], (float16)weights[m * KEY_TILE + k], acc[m][s]);
          value += HEAD_SIZE;
        }
      }
#pragma unroll
      for (uint m = 0; m < ROWS; ++m)
#pragma unroll
        for (uint s = 0; s < COLUMN_SPAN; ++s) sums[m][c + s] = acc[m][s];
    }
  }

  for (uint m = 0; m < count * HEAD_ROWS; ++m) {
    const ulong at = (ulong)(first_token + m / HEAD_ROWS) * heads + first_head + m % HEAD_ROWS;
    for (uint c = 0; c < COLUMN_GROUPS; ++c) vstore16(sums[m][c] / total[m], c, out + at * HEAD_SIZE);
  }
}

kernel void flash_attention(global const float *restrict q, global const cache_element *restrict keys,
                            global const cache_element *restrict values, global const uint *restrict tables,
                            global const int4 *restrict tiles, global const int *restrict positions, global float *restrict out,
                            const uint heads, const uint kv_heads, const uint q_stride, const uint block_size,
                            const uint window, const float scale, const float soft_cap) {
  attend(q, keys, values, tables, tiles[get_global_id(0)], positions, out, heads, kv_heads, q_stride, block_size, window,
         scale, soft_cap, get_global_id(1) * HEAD_ROWS);
}
