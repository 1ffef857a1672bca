// out = softmax(scale · q Kᵀ, masked) V, tile by tile (FlashAttention, Dao et al. 2022), in all the forms of attention/form.cl
//
// One work-item computes TOKENS consecutive queries of one sequence, each for HEAD_ROWS heads that share their keys and values:
// ROWS = TOKENS · HEAD_ROWS rows, for which keys and values are read once. Scores and the output are products like matmul's:
// lanes are keys in the first, the head's columns in the second (of SHARED_VALUES, which are transposed, rows); the other
// dimension runs in sequence, one fma each. A tile's scores and sums stay in the first-level cache.
//
//   views     of struct attention_arguments:
//   q         token t's heads at q + t · q_stride, (heads, QUERY_SIZE)
//   keys, values: see common/cache.cl;  tables: block ids of each sequence
//   tiles     (tiles) int4: first token, count ≤ TOKENS, where in `tables` the block of key 0 is or would be (blocks behind a window
//             are gone, so it may lie before the sequence's first); of FULL the sequence's keys, of TREE those before the tree
//   positions (tokens);  masks (tokens, TREE_WORDS);  slopes, sinks (heads);  bias (heads, 2 · bias_reach + 1)
//   out       (tokens, heads, RESULT_SIZE);  log_sums (tokens, heads)
//   partials  (tokens, heads, key_tiles, PARTIAL_SIZE), where splits > 1: attention/merge.cl makes `out` of them
//   units     (splits, kv_heads · ⌈group / HEAD_ROWS⌉, tiles)
//
// The caller guarantees HEAD_SIZE and VALUE_SIZE % 16 = 0 (% 32 where the cache is quantized), BLOCK_SIZE % 16 = 0, and
// key_tiles ≥ ⌈keys / KEY_TILE⌉.

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
// From one row's scores to the next's: not a multiple of 4 KiB, or all rows would share a set of the cache.
#define SCORE_STRIDE (KEY_TILE + LANES)
#define SCORE_GROUPS (SCORE_STRIDE / LANES)
// Groups of lanes whose sums are held in registers together: as many as let those of `rows` rows fit.
#define FITS(rows, span, groups) ((groups) % (span) == 0 && (rows) * (span) <= HELD_SUMS)

#include "attention/scores.cl"
#include "attention/values.cl"

// The rows of a tile whose heads are tile number `head_tile`, and share number `split` of its keys.
static inline void attend(const struct attention *a, const int4 tile, const uint head_tile, const uint split) {
  const uint group = a->heads / a->kv_heads, head_tiles = (group + HEAD_ROWS - 1) / HEAD_ROWS;
  const uint kv_head = head_tile / head_tiles;
  const uint first_head = kv_head * group + head_tile % head_tiles * HEAD_ROWS;
  const uint head_count = min((uint)HEAD_ROWS, (kv_head + 1) * group - first_head);
  const uint first_token = tile.x, count = tile.y;
  global const uint *tables = a->tables + (long)tile.z;

  // (ROWS, QUERY_GROUPS), scaled; the heads of a token are side by side, rows past the counts repeat the last.
  float16 query[ROWS * QUERY_GROUPS];
  uint token[ROWS], head[ROWS];
  struct range ranges[ROWS];
  // Some row sees keys begin … end − 1; all rows see clear_begin … clear_end − 1.
  int begin = INT_MAX, end = 0, clear_begin = 0, clear_end = INT_MAX;
  for (uint m = 0; m < ROWS; ++m) {
    token[m] = first_token + min(m / HEAD_ROWS, count - 1);
    head[m] = first_head + min(m % HEAD_ROWS, head_count - 1);
    global const float *row = a->q + (ulong)token[m] * a->q_stride + head[m] * QUERY_SIZE;
    for (uint g = 0; g < QUERY_SIZE / LANES; ++g) query[m * QUERY_GROUPS + g] = vload16(g, row) * a->scale;
#if QUERY_SIZE % LANES != 0
    float tail[LANES] = {0.0f};
    for (uint i = 0; i < QUERY_SIZE % LANES; ++i) tail[i] = row[QUERY_SIZE / LANES * LANES + i];
    query[m * QUERY_GROUPS + QUERY_SIZE / LANES] = vload16(0, tail) * a->scale;
#endif
    for (uint g = (QUERY_SIZE + LANES - 1) / LANES; g < HEAD_SIZE / LANES; ++g) query[m * QUERY_GROUPS + g] = 0.0f;
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

  const struct tile_walk walk = tile_walk_of(a, begin, end, split);
#pragma unroll 1
  for (uint t = walk.first; t < walk.end; t = next_tile(&walk, t + 1)) {
    const int start = t * KEY_TILE;
    const int to = min(start + KEY_TILE, end);
    const int from = start < (int)a->sink_keys ? start : max(start, begin);
    const uint from_group = (from - start) / LANES, to_group = (to - start + LANES - 1) / LANES;
    // Groups that all rows see.
    const uint from_clear = (max(clear_begin - start, 0) + LANES - 1) / LANES, to_clear = max(clear_end - start, 0) / LANES;
    // A span's scores may lie past the groups, not past the tile: it ends where the last span does.
    float16 scores[ROWS * SCORE_GROUPS];
    // The tile's, and the first of the next one, which are fetched.
    ulong groups[KEY_GROUPS + MOST_AHEAD];
    for (uint g = from_group / KEY_SPAN * KEY_SPAN; g < to_group; ++g) {
      // Before what some row sees there may be no block.
      const uint at = start + max(g, from_group) * LANES;
      groups[g] = group_at(tables[at / BLOCK_SIZE], at % BLOCK_SIZE, kv_head, a->blocks, BLOCK_SIZE);
    }
    const uint next = next_tile(&walk, t + 1) * KEY_TILE;
    const uint next_from = next < a->sink_keys ? next : max(next, (uint)max(begin, 0)) / LANES * LANES;
    for (uint g = 0; g < MOST_AHEAD; ++g) {
      const uint at = next_from + g * LANES < (uint)end ? next_from + g * LANES : start + from_group * LANES;
      groups[KEY_GROUPS + g] = group_at(tables[at / BLOCK_SIZE], at % BLOCK_SIZE, kv_head, a->blocks, BLOCK_SIZE);
    }
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
#if HAS_BIAS
        const int16 distances = LANE_IDS + (start + (int)g * LANES - ranges[m].position);
        float biases[LANES];
        int reached[LANES];
        vstore16(clamp(distances, (int16)-a->bias_reach, (int16)a->bias_reach) + a->bias_reach, 0, reached);
        for (uint i = 0; i < LANES; ++i) biases[i] = a->bias[head[m] * (2 * a->bias_reach + 1) + reached[i]];
        score += vload16(0, biases);
#endif
#if HAS_SLOPES
        const float16 distance = fabs(convert_float16(LANE_IDS + (start + (int)g * LANES - ranges[m].position)));
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
    global float *row = a->out + ((ulong)token[m] * a->heads + head[m]) * RESULT_SIZE;
    for (uint c = 0; c < RESULT_SIZE / LANES; ++c) vstore16(sums[m][c] * factor, c, row);
#if RESULT_SIZE % LANES != 0
    float tail[LANES];
    vstore16(sums[m][RESULT_SIZE / LANES] * factor, 0, tail);
    for (uint i = 0; i < RESULT_SIZE % LANES; ++i) row[RESULT_SIZE / LANES * LANES + i] = tail[i];
#endif
  }
}

static inline void flash_attention_body(ROOTS, const struct attention_arguments *a, const uint split, const uint head_tile,
                                        const uint tile) {
  struct attention all;
  set_attention(&all, roots, a);
  attend(&all, VIEW(const int4, 4, tiles)[tile], head_tile, split);
}
KERNEL(flash_attention, attention_arguments, 13)
