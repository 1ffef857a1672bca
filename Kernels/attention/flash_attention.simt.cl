// out = softmax(scale · q Kᵀ, masked) V, tile by tile (FlashAttention, Dao et al. 2022), in all the forms of attention/form.cl, for
// many rows that share their keys; attention/decode_attention.simt.cl is for few
//
// One work-group of LOCAL work-items computes TOKENS consecutive queries of one sequence for HEAD_ROWS heads that share their
// keys and values, and does for each row what flash_attention.vector.cl does, operation by operation; see there for the arguments
// and the order of the sums. Both products are a matrix product's: operands pass through local memory, a work-item holds the
// scores of ITEM_ROWS rows × KEY_QUADS · 4 keys in registers, then the sums of a unit of attention/values.simt.cl. What local memory
// gives a work-item is as scarce as what it multiplies: the larger its part, the fewer loads for each fma.
//
// Work-groups (splits, kv_heads · ⌈group / HEAD_ROWS⌉, tiles).  Guarantees as there; LOCAL is 16, 32, … 512, and TOKENS · HEAD_ROWS at
// most 64 and at most LOCAL.

#ifndef TOKENS
#define TOKENS 8
#endif
#ifndef HEAD_ROWS
#define HEAD_ROWS 4
#endif
#ifndef LOCAL
#define LOCAL 256
#endif

#include "attention/form.cl"
#include "attention/runs.simt.cl"
#include "attention/rows.simt.cl"

// Rows in local memory.
#define ROWS (TOKENS * HEAD_ROWS <= 8 ? 8 : TOKENS * HEAD_ROWS <= 16 ? 16 : TOKENS * HEAD_ROWS <= 32 ? 32 : 64)
#define AHEAD 1
#define PACKED (VALUE_FORM == CACHE_F16)

#include "attention/values.simt.cl"
#include "attention/results.simt.cl"

// Work-items are (8 parts of the rows, KEY_LANES parts of the keys); a work-item's rows, and quads of keys.
#define ITEM_ROWS (ROWS / 8)
#define KEY_LANES (LOCAL / 8)
#define KEY_QUADS (KEY_TILE / 4 / KEY_LANES)
// Elements of a key that are staged together, in octets: of how many keys by a work-item, and by how many work-items of a key.
#define STEP (LOCAL > KEY_TILE ? 8 * (LOCAL / KEY_TILE) : 8)
#define ITEM_KEYS (LOCAL > KEY_TILE ? 1 : KEY_TILE / LOCAL)
#define OCTET_RUNS (KEY_TYPE == CACHE_F32 ? 2 : 1)
#define ITEM_QUERIES ((STEP * ROWS + LOCAL - 1) / LOCAL)
// Elements of the queries that lie side by side, padded for writes without conflicts.
#define QUERY_STRIDE (ROWS + 4)
// Keys whose weights are in local memory at once, and whose sums of lanes a work-item adds.
#define PHASE 64
#define ITEM_SUMS ((ROWS * LANES + LOCAL - 1) / LOCAL)
// Local memory in floats: two steps of keys and of queries, then the largest scores, then weights and two parts of values.
#define STEP_FLOATS (STEP * KEY_TILE)
#define QUERY_FLOATS (STEP * QUERY_STRIDE)
#define BEST_STRIDE (KEY_LANES + 4)
#define SCORE_FLOATS (2 * STEP_FLOATS + 2 * QUERY_FLOATS)
#define BEST_FLOATS (ROWS * BEST_STRIDE)
#define VALUE_FLOATS (PHASE * ROWS + 8 * PART_QUADS)
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define FLOATS LARGER(LARGER(SCORE_FLOATS, BEST_FLOATS), VALUE_FLOATS)

// Octet `octet` of the key of token `lane` of a group.
struct octet {
  uint4 runs[OCTET_RUNS];
  float scale;
};

static inline struct octet load_octet(global const key_element *group, const uint octet, const uint lane) {
  struct octet x;
#pragma unroll
  for (uint i = 0; i < OCTET_RUNS; ++i)
    x.runs[i] = ((global const uint4 *)group)[(octet * 8 / KEY_ELEMENTS + i) * 16 + lane];
  x.scale = scale_of(KEY_TYPE, group, HEAD_SIZE, octet / 4, lane);
  return x;
}

// Writes its floats KEY_TILE floats apart.
INLINE void store_octet(const struct octet *x, const uint octet, local float *to) {
  float4 quads[2];
#if IS_QUANTIZED(KEY_TYPE)
  // The octet's half of the run without an index, which would put the run in memory.
  const uint4 run = x->runs[0];
  uint2 words = bitselect(run.lo, run.hi, (uint2)(-(octet & 1)));
  if (KEY_TYPE == CACHE_Q4_0) words >>= (octet & 2) * 2;
  quads[0] = quants_of(KEY_TYPE, words.x) * x->scale;
  quads[1] = quants_of(KEY_TYPE, words.y) * x->scale;
#else
  quads[0] = quad_of(KEY_TYPE, x->runs[0], 0, 1.0f);
  quads[1] = quad_of(KEY_TYPE, x->runs[OCTET_RUNS - 1], 1, 1.0f);
#endif
#pragma unroll
  for (uint j = 0; j < 2; ++j) {
    local float *at = to + j * 4 * KEY_TILE;
    at[0] = quads[j].x, at[KEY_TILE] = quads[j].y, at[2 * KEY_TILE] = quads[j].z, at[3 * KEY_TILE] = quads[j].w;
  }
}

// Row `m` of a work-item, of eight that begin at quads of rows.
static inline uint row_of(const uint item, const uint m) {
  return ITEM_ROWS <= 4 ? item % 8 * ITEM_ROWS + m : m / 4 * 32 + item % 8 * 4 + m % 4;
}

kernel GROUP_OF_ITEMS void flash_attention(ROOTS_13, const struct attention_arguments arguments) {
  local float4 memory[FLOATS / 4];
  local float4 lanes[ROWS][LANES / 4];
  local ulong groups[KEY_TILE / 16];
  local struct range ranges[ROWS];
  local float old[ROWS], new[ROWS], largest[ROWS];
  const struct shared_rows shared = {largest, old, new, lanes};
  local float *const keys = (local float *)memory, *const queries = keys + 2 * STEP_FLOATS, *const bests = (local float *)memory;
  local float *const weights = (local float *)memory;
  local float4 *const parts = memory + PHASE * ROWS / 4;

  global uchar *const roots[] = {LIST_13};
  struct attention all;
  set_attention(&all, roots, &arguments);
  const struct attention *a = &all;
  const uint item = get_local_id(0);
  const int4 tile = ((global const int4 *)(r4 + arguments.tiles))[get_group_id(2)];
  const struct rows rows = rows_of(a, tile, get_group_id(1));
  const uint kv_head = rows.first_head / (a->heads / a->kv_heads);
  global const uint *tables = a->tables + (long)tile.z;

  for (uint m = item; m < ROWS; m += LOCAL) ranges[m] = range_of(a, tile, token_of(&rows, m));
  SYNC;
  int begin = INT_MAX, end = 0;
  for (uint m = 0; m < TOKENS * HEAD_ROWS; m += HEAD_ROWS) {
    begin = min(begin, ranges[m].first);
    end = max(end, ranges[m].last + 1);
  }
  // Where the elements that a work-item stages of the queries begin.
  global const float *const first_query = a->q + (ulong)rows.first_token * a->q_stride;
  uint query[ITEM_QUERIES];
#pragma unroll
  for (uint i = 0; i < ITEM_QUERIES; ++i) {
    const uint row = min((item + i * LOCAL) / STEP, (uint)ROWS - 1);
    query[i] = (token_of(&rows, row) - rows.first_token) * a->q_stride + head_of(&rows, row) * QUERY_SIZE + item % STEP;
  }
  unit_sums sums;
  clear_sums(sums);
  struct running running = {LOWEST, 0.0f};

  const struct tile_walk walk = tile_walk_of(a, begin, end, get_group_id(0));
#pragma unroll 1
  for (uint t = walk.first; t < walk.end; t = next_tile(&walk, t + 1)) {
    const int start = t * KEY_TILE;
    const int to = min(start + KEY_TILE, end);
    const int from = start < (int)a->sink_keys ? start : max(start, begin);
    for (uint g = item; g < KEY_TILE / 16; g += LOCAL) {
      // Before and behind what some row sees there may be no block.
      const uint at = clamp(start + (int)g * 16, from, to - 1);
      groups[g] = group_at(tables[at / BLOCK_SIZE], at % BLOCK_SIZE, kv_head, a->blocks, BLOCK_SIZE);
    }
    SYNC;

    // Scores of ITEM_ROWS rows × KEY_QUADS · 4 keys; a key that no row sees is taken to be one that some does, and masked.
    float scores[ITEM_ROWS][KEY_QUADS * 4];
#pragma unroll
    for (uint m = 0; m < ITEM_ROWS; ++m)
#pragma unroll
      for (uint k = 0; k < KEY_QUADS * 4; ++k) scores[m][k] = 0.0f;
    global const key_element *group[ITEM_KEYS];
    uint lane[ITEM_KEYS];
    struct octet octets[ITEM_KEYS];
    float queried[ITEM_QUERIES];
#pragma unroll
    for (uint k = 0; k < ITEM_KEYS; ++k) {
      const int key = clamp((int)(item % KEY_TILE + k * LOCAL), from - start, to - 1 - start);
      lane[k] = key % 16;
      group[k] = a->keys + groups[key / 16] * KEY_GROUP(HEAD_SIZE);
      octets[k] = load_octet(group[k], item / KEY_TILE, lane[k]);
    }
#pragma unroll
    for (uint i = 0; i < ITEM_QUERIES; ++i) queried[i] = item % STEP < QUERY_SIZE ? first_query[query[i]] : 0.0f;
#pragma unroll 1
    for (uint d = 0; d < HEAD_SIZE; d += STEP) {
      local float *staged = keys + d / STEP % 2 * STEP_FLOATS, *queries_staged = queries + d / STEP % 2 * QUERY_FLOATS;
#pragma unroll
      for (uint k = 0; k < ITEM_KEYS; ++k)
        store_octet(&octets[k], d / 8 + item / KEY_TILE, staged + item / KEY_TILE * 8 * KEY_TILE + item % KEY_TILE + k * LOCAL);
#pragma unroll
      for (uint i = 0; i < ITEM_QUERIES; ++i) {
        const uint row = (item + i * LOCAL) / STEP;
        if (STEP * ROWS % LOCAL == 0 || row < ROWS) queries_staged[item % STEP * QUERY_STRIDE + row] = queried[i] * a->scale;
      }
      // The next, before these are used.
      const uint next = d + STEP;
      if (next < HEAD_SIZE) {
#pragma unroll
        for (uint k = 0; k < ITEM_KEYS; ++k) octets[k] = load_octet(group[k], next / 8 + item / KEY_TILE, lane[k]);
#pragma unroll
        for (uint i = 0; i < ITEM_QUERIES; ++i) queried[i] = item % STEP + next < QUERY_SIZE ? first_query[query[i] + next] : 0.0f;
      }
      SYNC;
#pragma unroll UNROLLED(8, 4)
      for (uint e = 0; e < STEP; ++e) {
        float q[ITEM_ROWS], k[KEY_QUADS * 4];
#pragma unroll
        for (uint m = 0; m < ITEM_ROWS; m += 4) load_floats(queries_staged + e * QUERY_STRIDE + row_of(item, m), ITEM_ROWS, q + m);
#pragma unroll
        for (uint i = 0; i < KEY_QUADS; ++i) load_floats(staged + e * KEY_TILE + (i * KEY_LANES + item / 8) * 4, 4, k + i * 4);
#pragma unroll
        for (uint m = 0; m < ITEM_ROWS; ++m)
#pragma unroll
          for (uint i = 0; i < KEY_QUADS * 4; ++i) scores[m][i] = fma(k[i], q[m], scores[m][i]);
      }
    }

    const struct value_source source = {a, groups, start, from, to};
    const uint first_part = (from - start) / PART, end_part = (to - start + PART - 1) / PART;
    struct value_run values[AHEAD][ITEM_RUNS];
    load_part(&source, first_part, item, values[0]);

    // The largest score of each row.
    SYNC;
#pragma unroll
    for (uint m = 0; m < ITEM_ROWS; ++m) {
      const uint row = row_of(item, m);
      const struct range r = ranges[row];
      float best = LOWEST;
#pragma unroll
      for (uint k = 0; k < KEY_QUADS * 4; ++k) {
        const int key = start + (k / 4 * KEY_LANES + item / 8) * 4 + k % 4;
        scores[m][k] = masked(a, &rows, r, row, tile, from, key, scores[m][k]);
        best = max(best, scores[m][k]);
      }
      bests[row * BEST_STRIDE + item / 8] = best;
    }
    SYNC;
    for (uint i = item; i < ROWS * 8; i += LOCAL) {
      float best = LOWEST;
      for (uint k = i / ROWS; k < KEY_LANES; k += 8) best = max(best, bests[i % ROWS * BEST_STRIDE + k]);
      ((local float *)lanes)[i % ROWS * LANES + i / ROWS] = best;
    }
    SYNC;
    if (item < ROWS) {
      largest[item] = largest_of(max(lanes[item][0], lanes[item][1]));
      meet_largest(&shared, item, &running);
    }
    SYNC;

    unit_sums acc;
    float lane_sums[ITEM_SUMS];
    clear_sums(acc);
#pragma unroll
    for (uint i = 0; i < ITEM_SUMS; ++i) lane_sums[i] = 0.0f;
#pragma unroll 1
    for (uint phase = first_part * PART / PHASE; phase * PHASE < end_part * PART; ++phase) {
#pragma unroll
      for (uint i = 0; i < KEY_QUADS; ++i) {
        const uint key = (i * KEY_LANES + item / 8) * 4;
        if (key / PHASE != phase) continue;
#pragma unroll
        for (uint k = 0; k < 4; ++k)
#pragma unroll
          for (uint m = 0; m < ITEM_ROWS; m += 4) {
            float w[4];
            load_floats(largest + row_of(item, m), ITEM_ROWS, w);
#pragma unroll
            for (uint j = 0; j < 4 && j < ITEM_ROWS; ++j) w[j] = exponential(scores[m + j][i * 4 + k] - w[j]);
            local float *at = weights + (key % PHASE + k) * ROWS + row_of(item, m);
#if ITEM_ROWS >= 4
            *(local float4 *)at = (float4)(w[0], w[1], w[2], w[3]);
#elif ITEM_ROWS == 2
            *(local float2 *)at = (float2)(w[0], w[1]);
#else
            *at = w[0];
#endif
          }
      }
      const uint first = max(first_part, phase * (PHASE / PART)), last = min(end_part, (phase + 1) * (PHASE / PART));
      weigh_parts(&source, first, last, item, weights + (first * PART - phase * PHASE) * ROWS, parts, values, acc);
      // The sums of each row's lanes.
#pragma unroll
      for (uint i = 0; i < ITEM_SUMS; ++i) {
        const uint at = item + i * LOCAL;
        if (ROWS * LANES % LOCAL == 0 || at < ROWS * LANES)
          for (uint k = at / ROWS; k < PHASE; k += LANES) lane_sums[i] += weights[k * ROWS + at % ROWS];
      }
      SYNC;
    }
#pragma unroll
    for (uint i = 0; i < ITEM_SUMS; ++i) {
      const uint at = item + i * LOCAL;
      if (ROWS * LANES % LOCAL == 0 || at < ROWS * LANES) ((local float *)lanes)[at % ROWS * LANES + at / ROWS] = lane_sums[i];
    }
    SYNC;
    end_tile(a, &rows, t, item, &shared, &running, acc, sums);
  }
  SYNC;
  store_rows(a, &rows, item, &shared, &running, sums);
}
