// out = softmax(scale · q Kᵀ, masked) V, tile by tile (FlashAttention, Dao et al. 2022), in all the forms of attention/form.cl
//
// One work-group of LOCAL work-items computes TOKENS consecutive queries of one sequence for HEAD_ROWS heads that share their
// keys and values, and does for each row what flash_attention.vector.cl does, operation by operation; see there for the arguments
// and the order of the sums. Queries and scores lie in local memory, a row's softmax in the registers of one work-item; keys and
// values are read once per work-group.
//
// Work-groups (splits, kv_heads · ⌈group / HEAD_ROWS⌉, tiles).  Guarantees as there, and ROWS ≤ LOCAL.

#ifndef TOKENS
#define TOKENS 4
#endif
#ifndef HEAD_ROWS
#define HEAD_ROWS 1
#endif
#ifndef LOCAL
#define LOCAL 64
#endif

#include "attention/form.cl"

#define ROWS (TOKENS * HEAD_ROWS)
// Head columns of each row that one work-item sums.
#define COLUMNS ((VALUE_SIZE + LOCAL - 1) / LOCAL)
#define SYNC barrier(CLK_LOCAL_MEM_FENCE)

// The number of the group of key `position`.
static inline ulong group_of(const struct attention *a, global const uint *tables, const uint kv_head, const int position) {
  return group_at(tables[position / BLOCK_SIZE], position % BLOCK_SIZE, kv_head, a->blocks, BLOCK_SIZE);
}

// Element `column` of the value of key `position`.
static inline float value_of(const struct attention *a, global const uint *tables, const uint kv_head, const int position,
                             const uint column) {
  const uint lane = position % 16;
  const ulong number = group_of(a, tables, kv_head, position);
  float scale = 1.0f;
#if SHARED_VALUES
  global const key_element *group = a->keys + number * KEY_GROUP(HEAD_SIZE);
#if IS_QUANTIZED(KEY_TYPE)
  scale = KEY_SCALES(group, HEAD_SIZE, column / 32, lane);
#endif
  return load_keys(group, column, scale, lane);
#else
  global const value_element *group = a->values + number * VALUE_GROUP(VALUE_SIZE);
#if IS_QUANTIZED(VALUE_TYPE)
  scale = VALUE_SCALES(group, VALUE_SIZE, column / 32, lane);
#endif
  return load_values(group, lane, column, VALUE_SIZE, scale);
#endif
}

static inline bool sees(const struct attention *a, const struct range r, const uint token, const int4 tile, const int key) {
  if (key > r.last || (key < r.first && key >= (int)a->sink_keys)) return false;
#if MASK == TREE
  return (tree_bits(a->masks + token * TREE_WORDS, key - tile.w) & 1) != 0;
#else
  return true;
#endif
}

kernel GROUP_OF_ITEMS void flash_attention(ROOTS_13, const struct attention_arguments arguments) {
  local float query[ROWS][QUERY_SIZE];
  local float scores[ROWS][KEY_TILE];
  local float lanes[ROWS][LANES];
  local float old[ROWS], new[ROWS], tile_highest[ROWS], tile_total[ROWS];
  // Of row `item`.
  float highest = LOWEST, total = 0.0f;

  global uchar *const roots[] = {LIST_13};
  struct attention all;
  set_attention(&all, roots, &arguments);
  const struct attention *a = &all;
  const uint item = get_local_id(0), split = get_group_id(0);
  const int4 tile = ((global const int4 *)(r4 + arguments.tiles))[get_group_id(2)];
  const uint group = a->heads / a->kv_heads, head_tiles = (group + HEAD_ROWS - 1) / HEAD_ROWS;
  const uint kv_head = get_group_id(1) / head_tiles;
  const uint first_head = kv_head * group + get_group_id(1) % head_tiles * HEAD_ROWS;
  const uint head_count = min((uint)HEAD_ROWS, (kv_head + 1) * group - first_head);
  const uint first_token = tile.x, count = tile.y;
  global const uint *tables = a->tables + (long)tile.z;
  // Rows past the counts repeat the last.
#define TOKEN(m) (first_token + min((uint)(m) / HEAD_ROWS, count - 1))
#define HEAD(m) (first_head + min((uint)(m) % HEAD_ROWS, head_count - 1))

  int begin = INT_MAX, end = 0;
  for (uint m = 0; m < ROWS; m += HEAD_ROWS) {
    const struct range r = range_of(a, tile, TOKEN(m));
    begin = min(begin, r.first);
    end = max(end, r.last + 1);
  }
  for (uint i = item; i < ROWS * QUERY_SIZE; i += LOCAL) {
    const uint m = i / QUERY_SIZE, d = i % QUERY_SIZE;
    query[m][d] = a->q[(ulong)TOKEN(m) * a->q_stride + HEAD(m) * QUERY_SIZE + d] * a->scale;
  }
  float sums[ROWS][COLUMNS];
#pragma unroll
  for (uint m = 0; m < ROWS; ++m)
#pragma unroll
    for (uint c = 0; c < COLUMNS; ++c) sums[m][c] = 0.0f;
  SYNC;

  const struct tile_walk walk = tile_walk_of(a, begin, end, split);
  for (uint t = walk.first; t < walk.end; t = next_tile(&walk, t + 1)) {
    const int start = t * KEY_TILE;
    const int to = min(start + KEY_TILE, end);
    const int from = start < (int)a->sink_keys ? start : max(start, begin);
    for (uint k = item; k < KEY_TILE; k += LOCAL) {
      const int position = start + (int)k;
      float acc[ROWS];
#pragma unroll
      for (uint m = 0; m < ROWS; ++m) acc[m] = 0.0f;
      if (position >= from && position < to) {
        global const key_element *key = a->keys + group_of(a, tables, kv_head, position) * KEY_GROUP(HEAD_SIZE);
        float scales = 1.0f;
        for (uint d = 0; d < QUERY_SIZE; ++d) {
#if IS_QUANTIZED(KEY_TYPE)
          if (d % 32 == 0) scales = KEY_SCALES(key, HEAD_SIZE, d / 32, position % 16);
#endif
          const float element = load_keys(key, d, scales, position % 16);
#pragma unroll
          for (uint m = 0; m < ROWS; ++m) acc[m] = fma(element, query[m][d], acc[m]);
        }
      }
      for (uint m = 0; m < ROWS; ++m) {
        const struct range r = range_of(a, tile, TOKEN(m));
        float score = acc[m];
#if HAS_SOFT_CAP
        score = a->soft_cap * hyperbolic_tangent(score / a->soft_cap);
#endif
#if HAS_BIAS
        score += a->bias[HEAD(m) * (2 * a->bias_reach + 1) + clamp(position - r.position, -a->bias_reach, a->bias_reach) +
                         a->bias_reach];
#endif
#if HAS_SLOPES
        score = fma(-a->slopes[HEAD(m)], fabs((float)(position - r.position)), score);
#endif
        scores[m][k] = position >= from && sees(a, r, TOKEN(m), tile, position) ? score : -INFINITY;
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
      float largest = LOWEST;
      for (uint i = 0; i < LANES; ++i) largest = max(largest, lanes[item][i]);
      tile_highest[item] = largest;
    }
    SYNC;
    for (uint i = item; i < ROWS * LANES; i += LOCAL) {
      const uint m = i / LANES;
      float sum = 0.0f;
      for (uint k = i % LANES; k < KEY_TILE; k += LANES) {
        scores[m][k] = exponential(scores[m][k] - tile_highest[m]);
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
      const struct merge merged = merge_of(highest, tile_highest[item]);
      total = fma(total, merged.old, part[0] * merged.new);
      highest = merged.highest;
      old[item] = merged.old;
      new[item] = merged.new;
      tile_total[item] = part[0];
    }
    SYNC;
    // In registers only if all that indexes them is constant.
#pragma unroll
    for (uint c = 0; c < COLUMNS; ++c) {
      const uint column = c * LOCAL + item;
      if (column >= VALUE_SIZE) continue;
      float acc[ROWS];
#pragma unroll
      for (uint m = 0; m < ROWS; ++m) acc[m] = 0.0f;
      for (int position = from; position < to; ++position) {
        const float value = value_of(a, tables, kv_head, position, column);
#pragma unroll
        for (uint m = 0; m < ROWS; ++m) acc[m] = fma(value, scores[m][position - start], acc[m]);
      }
#pragma unroll
      for (uint m = 0; m < ROWS; ++m) {
        if (a->splits == 1) {
          sums[m][c] = fma(sums[m][c], old[m], acc[m] * new[m]);
        } else if (m / HEAD_ROWS < count && m % HEAD_ROWS < head_count) {
          global float *partial = a->partials + (((ulong)TOKEN(m) * a->heads + HEAD(m)) * a->key_tiles + t) * PARTIAL_SIZE;
          partial[16 + column] = acc[m];
          if (column == 0) {
            partial[0] = tile_highest[m];
            partial[1] = tile_total[m];
          }
        }
      }
    }
    SYNC;
  }

  if (item < ROWS && a->splits == 1 && item / HEAD_ROWS < count && item % HEAD_ROWS < head_count)
    old[item] = last_factor(a, TOKEN(item), HEAD(item), highest, total);
  SYNC;
#pragma unroll
  for (uint c = 0; c < COLUMNS; ++c) {
    const uint column = c * LOCAL + item;
    if (a->splits > 1 || column >= RESULT_SIZE) continue;
#pragma unroll
    for (uint m = 0; m < ROWS; ++m)
      if (m / HEAD_ROWS < count && m % HEAD_ROWS < head_count)
        a->out[((ulong)TOKEN(m) * a->heads + HEAD(m)) * RESULT_SIZE + column] = sums[m][c] * old[m];
  }
}
