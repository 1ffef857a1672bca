// out = softmax(scale · q Kᵀ, masked) V, tile by tile (FlashAttention, Dao et al. 2022), in all the forms of attention/form.cl
//
// One work-item computes TOKENS consecutive queries of one sequence, each for HEAD_ROWS heads that share their keys and values:
// ROWS = TOKENS · HEAD_ROWS rows, for which keys and values are read once. Scores and the output are products like matmul's:
// lanes are keys in the first, the head's columns in the second (of SHARED_VALUES, which are transposed, rows); the other
// dimension runs in sequence, one fma each. A tile's scores and sums stay in the first-level cache.
//
//   q         token t's heads at q + t · q_stride, (heads, HEAD_SIZE)
//   keys, values: see common/cache.cl;  tables: block ids of each sequence
//   tiles     (tiles) int4: first token, count ≤ TOKENS, where the sequence's block ids begin in `tables`; of FULL the sequence's
//             keys, of TREE those before the tree
//   positions (tokens);  masks (tokens, TREE_WORDS);  slopes, sinks (heads)
//   out       (tokens, heads, VALUE_SIZE);  log_sums (tokens, heads)
//   partials  (tokens, heads, key_tiles, PARTIAL_SIZE), where splits > 1: attention/merge.cl makes `out` of them
//
// global size (tiles, kv_heads · ⌈group / HEAD_ROWS⌉, splits), local size (1, 1, 1).  The caller guarantees HEAD_SIZE and
// VALUE_SIZE % 16 = 0 (% 32 where the cache is quantised), block_size % 16 = 0, and key_tiles ≥ ⌈keys / KEY_TILE⌉.

#ifndef TOKENS
#define TOKENS 12
#endif
#ifndef HEAD_ROWS
#define HEAD_ROWS 1
#endif

#include "attention/form.cl"
#include "common/sums.cl"

#define ROWS (TOKENS * HEAD_ROWS)
#define KEY_GROUPS (KEY_TILE / LANES)
// From one row's scores to the next's: not a multiple of 4 KiB, lest all rows share a set of the cache.
#define SCORE_STRIDE (KEY_TILE + LANES)
#define SCORE_GROUPS (SCORE_STRIDE / LANES)
#define COLUMN_GROUPS (VALUE_SIZE / LANES)
#define QUERY_GROUPS (HEAD_SIZE / LANES + 1)
// Groups of lanes whose sums are held in registers together: as many as let 24 vectors hold those of all rows.
#define FITS(rows, span, groups) ((groups) % (span) == 0 && (rows) * (span) <= 24)
#define KEY_SPAN (FITS(ROWS, 8, KEY_GROUPS) ? 8 : FITS(ROWS, 4, KEY_GROUPS) ? 4 : FITS(ROWS, 2, KEY_GROUPS) ? 2 : 1)
// Few rows wait for memory, which is fastest in order of addresses: they go in parts that leave room for whole values.
#define FEW_ROWS (ROWS <= 8)
#define PART_OF_ROWS (ROWS % 3 == 0 ? 3 : ROWS % 2 == 0 ? 2 : 1)
#define ROW_SPAN (FEW_ROWS && ROWS * (COLUMN_GROUPS < 8 ? COLUMN_GROUPS : 8) > 24 ? PART_OF_ROWS : ROWS)
#define COLUMNS_FIT(span) FITS(ROW_SPAN, span, COLUMN_GROUPS)
#define EVEN_SPAN (COLUMNS_FIT(8) ? 8 : COLUMNS_FIT(6) ? 6 : COLUMNS_FIT(4) ? 4 : 2)
#define ODD_SPAN (COLUMNS_FIT(7) ? 7 : COLUMNS_FIT(5) ? 5 : COLUMNS_FIT(3) ? 3 : 1)
#define COLUMN_SPAN (COLUMN_GROUPS % 2 == 0 ? EVEN_SPAN : ODD_SPAN)
// Keys whose values stay in the first-level cache while rows and columns pass over them.
#define VALUE_PART (FEW_ROWS ? 32 : KEY_TILE)
// Elements that share a scale.
#define KEY_BLOCK (CACHE_QUANTISED ? 32 : HEAD_SIZE)

inline float largest_lane(float16 v) {
  const float8 a = max(v.lo, v.hi);
  const float4 b = max(a.lo, a.hi);
  const float2 c = max(b.lo, b.hi);
  return max(c.lo, c.hi);
}

// Whether and what lanes of 16 keys from `position` on a row sees.
inline int16 seen(const struct attention *a, const struct range r, const uint token, const int4 tile, const int position) {
  const int16 lane_ids = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const int16 key = lane_ids + position;
  int16 visible = key >= r.first && key <= r.last;
  if (a->sink_keys > 0) visible |= key < (int)a->sink_keys && key <= r.last;
#if MASK == TREE
  const uint bits = tree_bits(a->masks + token * TREE_WORDS, position - tile.w);
  visible &= ((int16)bits >> lane_ids & 1) != 0;
#endif
  return visible;
}

// Scores of the groups from_group ≤ g < to_group of a tile: (ROWS, SCORE_STRIDE).
inline void score_keys(const struct attention *a, const ulong *groups, const uint from_group, const uint to_group,
                       const float *query, float16 *scores) {
#pragma unroll 1
  for (uint g = from_group; g < to_group; g += KEY_SPAN) {
    global const cache_element *group[KEY_SPAN];
#pragma unroll
    for (uint s = 0; s < KEY_SPAN; ++s) {
      // Groups past the end repeat the first; their scores are masked.
      group[s] = a->keys + groups[g + s < to_group ? g + s : g] * GROUP_ELEMENTS(HEAD_SIZE);
    }
    float16 acc[ROWS][KEY_SPAN];
#pragma unroll
    for (uint m = 0; m < ROWS; ++m)
#pragma unroll
      for (uint s = 0; s < KEY_SPAN; ++s) acc[m][s] = 0.0f;
#pragma unroll 1
    for (uint first = 0; first < HEAD_SIZE; first += KEY_BLOCK) {
      float16 scales[KEY_SPAN];
#pragma unroll
      for (uint s = 0; s < KEY_SPAN; ++s)
#if CACHE_QUANTISED
        scales[s] = load_scales(group[s], HEAD_SIZE, first / 32, 0);
#else
        scales[s] = 1.0f;
#endif
#pragma unroll 2
      for (uint d = first; d < first + KEY_BLOCK; ++d) {
        float16 key[KEY_SPAN];
#pragma unroll
        for (uint s = 0; s < KEY_SPAN; ++s) key[s] = load_keys(group[s], d, scales[s], 0);
#pragma unroll
        for (uint m = 0; m < ROWS; ++m)
#pragma unroll
          for (uint s = 0; s < KEY_SPAN; ++s) acc[m][s] = fma(key[s], (float16)query[m * QUERY_GROUPS * LANES + d], acc[m][s]);
      }
    }
#pragma unroll
    for (uint m = 0; m < ROWS; ++m)
#pragma unroll
      for (uint s = 0; s < KEY_SPAN; ++s) scores[m * SCORE_GROUPS + g + s] = acc[m][s];
  }
}

// Where a row's column groups go from one tile of keys on.
struct target {
  float16 *sums;            // merged with those before, or
  global float *partials;   // as they are
  float old, new;
};

inline void put(const struct target *t, const uint column_group, const float16 x) {
  if (t->partials)
    vstore16(x, column_group, t->partials);
  else
    t->sums[column_group] = fma(t->sums[column_group], (float16)t->old, x * t->new);
}

#if !SHARED_VALUES
// weights · V over the keys from ≤ k < to of a part of a tile, for ROW_SPAN rows and COLUMN_SPAN columns.
__attribute__((always_inline)) inline void weigh_part(const struct attention *a, const ulong *groups, const int from,
                                                     const int to, const uint column, const float *weights,
                                                     float16 acc[ROW_SPAN][COLUMN_SPAN]) {
#pragma unroll 1
  for (int start = from / LANES * LANES; start < to; start += LANES) {
    global const cache_element *group = a->values + groups[start / LANES] * GROUP_ELEMENTS(VALUE_SIZE);
    float scales[COLUMN_SPAN][LANES];
#if CACHE_QUANTISED
#pragma unroll
    for (uint s = 0; s < COLUMN_SPAN; s += 2) vstore16(load_scales(group, VALUE_SIZE, (column + s) / 2, 0), 0, scales[s]);
#endif
    const uint last = min(to - start, LANES);
    for (uint k = max(from - start, 0); k < last; ++k) {
      float16 v[COLUMN_SPAN];
#pragma unroll
      for (uint s = 0; s < COLUMN_SPAN; ++s)
        v[s] = load_values(group, k, (column + s) * LANES, VALUE_SIZE, CACHE_QUANTISED ? scales[s / 2 * 2][k] : 1.0f);
      const float *weight = weights + start + k;
#pragma unroll
      for (int m = 0; m < ROW_SPAN; ++m)
#pragma unroll
        for (uint s = 0; s < COLUMN_SPAN; ++s) acc[m][s] = fma(v[s], (float16)weight[m * SCORE_STRIDE], acc[m][s]);
    }
  }
}

// weights · V over the keys from ≤ k < to of a tile.
inline void weigh_values(const struct attention *a, const ulong *groups, const int from, const int to, const float *weights,
                         const struct target *targets) {
  float16 sums[ROWS][COLUMN_GROUPS];
#pragma unroll 1
  for (int start = from; start < to;) {
    const int end = min(to, start / LANES * LANES + VALUE_PART);
#pragma unroll 1
    for (uint c = 0; c < COLUMN_GROUPS; c += COLUMN_SPAN) {
#pragma unroll 1
      for (uint r = 0; r < ROWS; r += ROW_SPAN) {
        float16 acc[ROW_SPAN][COLUMN_SPAN];
#pragma unroll
        for (uint m = 0; m < ROW_SPAN; ++m)
#pragma unroll
          for (uint s = 0; s < COLUMN_SPAN; ++s) acc[m][s] = start == from ? (float16)0.0f : sums[r + m][c + s];
        weigh_part(a, groups, start, end, c, weights + r * SCORE_STRIDE, acc);
#pragma unroll
        for (uint m = 0; m < ROW_SPAN; ++m)
#pragma unroll
          for (uint s = 0; s < COLUMN_SPAN; ++s) {
            if (end < to)
              sums[r + m][c + s] = acc[m][s];
            else
              put(targets + r + m, c + s, acc[m][s]);
          }
      }
    }
    start = end;
  }
}
#else
// The same where values are the keys' first elements: lanes are rows, and an element of a key is the same for all of them.
inline void weigh_values(const struct attention *a, const ulong *groups, const int from, const int to, const float *weights,
                         const struct target *targets) {
  float columns[KEY_TILE][LANES];
  for (int k = from; k < to; ++k)
    for (uint m = 0; m < LANES; ++m) columns[k][m] = m < ROWS ? weights[m * SCORE_STRIDE + k] : 0.0f;
#pragma unroll 1
  for (uint c = 0; c < COLUMN_GROUPS; ++c) {
    float16 acc[LANES];
#pragma unroll
    for (uint i = 0; i < LANES; ++i) acc[i] = 0.0f;
#pragma unroll 1
    for (int group_start = from / LANES * LANES; group_start < to; group_start += LANES) {
      global const cache_element *group = a->keys + groups[group_start / LANES] * GROUP_ELEMENTS(HEAD_SIZE);
      float keys[LANES][LANES];
      float16 scales = 1.0f;
#if CACHE_QUANTISED
      scales = load_scales(group, HEAD_SIZE, c / 2, 0);
#endif
#pragma unroll
      for (uint i = 0; i < LANES; ++i) vstore16(load_keys(group, c * LANES + i, scales, 0), 0, keys[i]);
      const int last = min(to, group_start + LANES);
      for (int k = max(from, group_start); k < last; ++k) {
        const float16 weight = vload16(k, columns[0]);
#pragma unroll
        for (uint i = 0; i < LANES; ++i) acc[i] = fma((float16)keys[i][k % LANES], weight, acc[i]);
      }
    }
    float transposed[ROWS][LANES], *element = (float *)acc;
    for (uint m = 0; m < ROWS; ++m) {
      for (uint i = 0; i < LANES; ++i) transposed[m][i] = element[i * LANES + m];
      put(targets + m, c, vload16(0, transposed[m]));
    }
  }
}
#endif

// The rows of a tile whose heads are tile number `head_tile`, and share number `split` of its keys.
inline void attend(const struct attention *a, const int4 tile, const uint head_tile, const uint split) {
  const uint group = a->heads / a->kv_heads, head_tiles = (group + HEAD_ROWS - 1) / HEAD_ROWS;
  const uint kv_head = head_tile / head_tiles;
  const uint first_head = kv_head * group + head_tile % head_tiles * HEAD_ROWS;
  const uint head_count = min((uint)HEAD_ROWS, (kv_head + 1) * group - first_head);
  const uint first_token = tile.x, count = tile.y;
  global const uint *tables = a->tables + tile.z;

  // (ROWS, QUERY_GROUPS), scaled; the heads of a token are side by side, rows past the counts repeat the last.
  float16 query[ROWS * QUERY_GROUPS];
  uint token[ROWS], head[ROWS];
  struct range ranges[ROWS];
  // Some row sees keys begin … end − 1; all rows see clear_begin … clear_end − 1.
  int begin = INT_MAX, end = 0, clear_begin = 0, clear_end = INT_MAX;
  for (uint m = 0; m < ROWS; ++m) {
    token[m] = first_token + min(m / HEAD_ROWS, count - 1);
    head[m] = first_head + min(m % HEAD_ROWS, head_count - 1);
    global const float *row = a->q + (ulong)token[m] * a->q_stride + head[m] * HEAD_SIZE;
    for (uint g = 0; g < HEAD_SIZE / LANES; ++g) query[m * QUERY_GROUPS + g] = vload16(g, row) * a->scale;
    ranges[m] = range_of(a, tile, token[m]);
    begin = min(begin, ranges[m].first);
    end = max(end, ranges[m].last + 1);
    clear_begin = max(clear_begin, ranges[m].first);
    clear_end = min(clear_end, ranges[m].last + 1);
  }
  if (MASK == TREE) clear_end = min(clear_end, tile.w);

  float16 sums[ROWS][COLUMN_GROUPS];
  // Lanes are rows.
  float16 highest = LOWEST, total = 0.0f;
  for (uint m = 0; m < ROWS; ++m)
    for (uint c = 0; c < COLUMN_GROUPS; ++c) sums[m][c] = 0.0f;

  const struct key_tiles key_tiles = key_tiles_of(a, begin, end, split);
#pragma unroll 1
  for (uint t = key_tiles.first; t < key_tiles.end; t = next_tile(&key_tiles, t + 1)) {
    const int start = t * KEY_TILE;
    const int to = min(start + KEY_TILE, end);
    const int from = start < (int)a->sink_keys ? start : max(start, begin);
    const uint from_group = (from - start) / LANES, to_group = (to - start + LANES - 1) / LANES;
    // Groups that all rows see.
    const uint from_clear = (max(clear_begin - start, 0) + LANES - 1) / LANES, to_clear = max(clear_end - start, 0) / LANES;
    // A span's scores may lie past the groups, not past the tile: it ends where the last span does.
    float16 scores[ROWS * SCORE_GROUPS];
    ulong groups[KEY_GROUPS];
    for (uint g = from_group / KEY_SPAN * KEY_SPAN; g < to_group; ++g)
      groups[g] = group_at(tables[(start + g * LANES) / a->block_size], (start + g * LANES) % a->block_size, kv_head, a->kv_heads,
                           a->block_size);
    score_keys(a, groups, from_group / KEY_SPAN * KEY_SPAN, to_group, (const float *)query, scores);

    float tile_highest[LANES], tile_total[LANES];
    for (uint m = 0; m < LANES; ++m) tile_highest[m] = tile_total[m] = 0.0f;
    for (uint m = 0; m < ROWS; ++m) {
      float16 *row = scores + m * SCORE_GROUPS;
      float16 best = LOWEST;
      for (uint g = from_group; g < to_group; ++g) {
        float16 score = row[g];
#if HAS_SOFT_CAP
        score = a->soft_cap * hyperbolic_tangent(score / a->soft_cap);
#endif
#if HAS_SLOPES
        const int16 lane_ids = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const float16 distance = fabs(convert_float16(lane_ids + (start + (int)g * LANES - ranges[m].position)));
        score = fma((float16)-a->slopes[head[m]], distance, score);
#endif
        if (g < from_clear || g >= to_clear)
          score = select((float16)-INFINITY, score, seen(a, ranges[m], token[m], tile, start + (int)g * LANES));
        row[g] = score;
        best = max(best, score);
      }
      const float largest = largest_lane(best);
      float16 sum = 0.0f;
      for (uint g = from_group; g < to_group; ++g) {
        row[g] = exponential(row[g] - largest);
        sum += row[g];
      }
      tile_highest[m] = largest;
      tile_total[m] = sum_of_lanes(sum);
    }
    const struct merge merged = merge_of(highest, vload16(0, tile_highest));
    total = fma(total, merged.old, vload16(0, tile_total) * merged.new);
    highest = merged.highest;

    float old[LANES], new[LANES];
    vstore16(merged.old, 0, old);
    vstore16(merged.new, 0, new);
    struct target targets[ROWS];
    for (uint m = 0; m < ROWS; ++m) {
      targets[m].sums = sums[m];
      targets[m].old = old[m];
      targets[m].new = new[m];
      targets[m].partials = 0;
      if (a->splits > 1) {
        // Rows that repeat another write the same.
        global float *partial = a->partials + (((ulong)token[m] * a->heads + head[m]) * a->key_tiles + t) * PARTIAL_SIZE;
        partial[0] = tile_highest[m];
        partial[1] = tile_total[m];
        targets[m].partials = partial + 16;
      }
    }
    weigh_values(a, groups, from - start, to - start, (const float *)scores, targets);
  }
  if (a->splits > 1) return;

  float row_highest[LANES], row_total[LANES];
  vstore16(highest, 0, row_highest);
  vstore16(total, 0, row_total);
  for (uint m = 0; m < count * HEAD_ROWS; ++m) {
    if (m % HEAD_ROWS >= head_count) continue;
    const float factor = last_factor(a, token[m], head[m], row_highest[m], row_total[m]);
    global float *row = a->out + ((ulong)token[m] * a->heads + head[m]) * VALUE_SIZE;
    for (uint c = 0; c < COLUMN_GROUPS; ++c) vstore16(sums[m][c] * factor, c, row);
  }
}

kernel void flash_attention(global const float *restrict q, global const cache_element *restrict keys,
                            global const cache_element *restrict values, global const uint *restrict tables,
                            global const int4 *restrict tiles, global const int *restrict positions,
                            global const uint *restrict masks, global const float *restrict slopes,
                            global const float *restrict sinks, global float *restrict out, global float *restrict log_sums,
                            global float *restrict partials, const uint heads, const uint kv_heads, const uint q_stride,
                            const uint block_size, const uint window, const uint sink_keys, const uint splits,
                            const uint key_tiles, const float scale, const float soft_cap) {
  const struct attention a = ATTENTION_ARGUMENTS;
  attend(&a, tiles[get_global_id(0)], get_global_id(1), get_global_id(2));
}
