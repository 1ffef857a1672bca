// out = softmax(scale · q Kᵀ, masked) V, tile by tile with an online softmax (FlashAttention, Dao et al. 2022)
//
// One work-group of LOCAL work-items computes ROWS consecutive queries of one sequence and one head, and does for each query
// what flash_attention.vector.cl does, operation by operation; see there for the arguments and the order of the sums. Queries,
// scores and the partial sums of the softmax lie in local memory; keys and values are read once per work-group.
//
// global size (tiles · LOCAL, heads), local size (LOCAL, 1).  The caller guarantees HEAD_SIZE % 16 = 0, block_size % 16 = 0.

#ifndef HEAD_SIZE
#define HEAD_SIZE 64
#endif
#ifndef ROWS
#define ROWS 4
#endif
#ifndef KEY_TILE
#define KEY_TILE 64
#endif
#ifndef LOCAL
#define LOCAL 64
#endif

#undef SIMT
#define SIMT 1
#include "common/cache.cl"
#include "common/math.cl"

// Head columns of each row that one work-item sums.
#define COLUMNS ((HEAD_SIZE + LOCAL - 1) / LOCAL)
#define LOWEST -1e30f
#define SYNC barrier(CLK_LOCAL_MEM_FENCE)

kernel void flash_attention(global const float *restrict q, global const cache_element *restrict keys,
                            global const cache_element *restrict values, global const uint *restrict tables,
                            global const int4 *restrict tiles, global const int *restrict positions, global float *restrict out,
                            const uint heads, const uint kv_heads, const uint q_stride, const uint block_size,
                            const uint window, const float scale, const float soft_cap) {
  local float query[ROWS][HEAD_SIZE];
  local float scores[ROWS][KEY_TILE];
  local float lanes[ROWS][LANES];
  local float highest[ROWS], total[ROWS], correction[ROWS];

  const uint item = get_local_id(0);
  const int4 tile = tiles[get_group_id(0)];
  const uint head = get_global_id(1);
  const uint kv_head = head / (heads / kv_heads);
  const uint first_token = tile.x;
  const uint count = tile.y;
  tables += tile.z;

  int begin = INT_MAX, end = 0;
  for (uint m = 0; m < count; ++m) {
    const int position = positions[first_token + m];
    begin = min(begin, window > 0 ? max(position - (int)window + 1, 0) : 0);
    end = max(end, position + 1);
  }
  for (uint i = item; i < ROWS * HEAD_SIZE; i += LOCAL) {
    const uint token = first_token + min(i / HEAD_SIZE, count - 1);
    query[i / HEAD_SIZE][i % HEAD_SIZE] = q[(ulong)token * q_stride + head * HEAD_SIZE + i % HEAD_SIZE] * scale;
  }
  if (item < ROWS) {
    highest[item] = LOWEST;
    total[item] = 0.0f;
  }
  float sums[ROWS][COLUMNS];
  for (uint m = 0; m < ROWS; ++m)
    for (uint c = 0; c < COLUMNS; ++c) sums[m][c] = 0.0f;
  SYNC;

  for (int start = begin / KEY_TILE * KEY_TILE; start < end; start += KEY_TILE) {
    const int tile_keys = min(KEY_TILE, end - start);
    for (uint k = item; k < KEY_TILE; k += LOCAL) {
      const int position = start + (int)k;
      float acc[ROWS];
#pragma unroll
      for (uint m = 0; m < ROWS; ++m) acc[m] = 0.0f;
      if (position < end) {
        global const cache_element *key =
            keys +
            key_group_at(tables[position / block_size], position % block_size, kv_head, kv_heads, HEAD_SIZE, block_size) +
            position % LANES;
        for (uint d = 0; d < HEAD_SIZE; ++d) {
          const float value = load_cached(key + d * LANES);
#pragma unroll
          for (uint m = 0; m < ROWS; ++m) acc[m] = fma(value, query[m][d], acc[m]);
        }
      }
#pragma unroll
      for (uint m = 0; m < ROWS; ++m) {
        const int last = positions[first_token + min(m, count - 1)];
        const int first = window > 0 ? max(last - (int)window + 1, 0) : 0;
        float score = acc[m];
        if (soft_cap > 0.0f) score = soft_cap * hyperbolic_tangent(score / soft_cap);
        scores[m][k] = position >= first && position <= last ? score : -INFINITY;
      }
    }
    SYNC;
    // The largest score, then the sum, of each row: first per lane of 16 keys, then the lanes halved.
    for (uint i = item; i < ROWS * LANES; i += LOCAL) {
      float best = LOWEST;
      for (uint g = 0; g < KEY_TILE; g += LANES) best = max(best, scores[i / LANES][g + i % LANES]);
      lanes[i / LANES][i % LANES] = best;
    }
    SYNC;
    if (item < ROWS) {
      float highest_now = highest[item];
      for (uint i = 0; i < LANES; ++i) highest_now = max(highest_now, lanes[item][i]);
      correction[item] = exponential(highest[item] - highest_now);
      highest[item] = highest_now;
    }
    SYNC;
    for (uint i = item; i < ROWS * LANES; i += LOCAL) {
      const uint m = i / LANES;
      float sum = 0.0f;
      for (uint k = i % LANES; k < KEY_TILE; k += LANES) {
        scores[m][k] = exponential(scores[m][k] - highest[m]);
        sum += scores[m][k];
      }
      lanes[m][i % LANES] = sum;
    }
    SYNC;
    if (item < ROWS) {
      float part[LANES];
      for (uint i = 0; i < LANES; ++i) part[i] = lanes[item][i];
      for (uint width = LANES / 2; width > 0; width /= 2)
        for (uint i = 0; i < width; ++i) part[i] += part[i + width];
      total[item] = fma(total[item], correction[item], part[0]);
    }
    for (uint c = 0; c < COLUMNS; ++c) {
      const uint column = c * LOCAL + item;
      if (column >= HEAD_SIZE) break;
#pragma unroll
      for (uint m = 0; m < ROWS; ++m) sums[m][c] *= correction[m];
      for (int k = 0; k < tile_keys; ++k) {
        const int position = start + k;
        const float value = load_cached(
            values + value_at(tables[position / block_size], position % block_size, kv_head, kv_heads, HEAD_SIZE, block_size) +
            column);
#pragma unroll
        for (uint m = 0; m < ROWS; ++m) sums[m][c] = fma(value, scores[m][k], sums[m][c]);
      }
    }
    SYNC;
  }

  for (uint c = 0; c < COLUMNS; ++c) {
    const uint column = c * LOCAL + item;
    if (column >= HEAD_SIZE) break;
    for (uint m = 0; m < count; ++m)
      out[((ulong)(first_token + m) * heads + head) * HEAD_SIZE + column] = sums[m][c] / total[m];
  }
}
