// out = softmax(scale · q Kᵀ, masked) V as attention/flash_attention.simt.cl has it, for at most 16 rows: a token's heads that share
// their keys, or a few tokens'. What counts is how many bytes of the cache are on their way.
//
// A work-item is a key: it loads the key by 16 bytes, KEY_AHEAD pieces before they are used, and computes all rows' scores of it.
// Values come as attention/values.simt.cl says, the first before the keys are used, AHEAD parts at a time.
//
// Work-groups, arguments and guarantees: those of flash_attention.simt.cl, TOKENS · HEAD_ROWS ≤ 16.

#ifndef TOKENS
#define TOKENS 1
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

#define USED_ROWS (TOKENS * HEAD_ROWS)
// Rows in local memory; those past the used ones weigh nothing.
#define ROWS (USED_ROWS <= 1 ? 1 : USED_ROWS <= 2 ? 2 : USED_ROWS <= 4 ? 4 : USED_ROWS <= 8 ? 8 : 16)
// Parts of values that are on their way: about eight runs a work-item.
#define AHEAD (IS_QUANTIZED(VALUE_FORM) || VALUE_SIZE <= 64 ? 4 : ITEM_RUNS >= 2 ? 2 : 8)
// Those that are loaded before the keys are used, whose runs take the registers.
#define EARLY (AHEAD >= 8 && VALUE_SIZE <= 128 ? 2 : 1)
// Few rows wait for memory, not for products.
#define PACKED 0

#include "attention/values.simt.cl"
#include "attention/results.simt.cl"

// A key is loaded in pieces of a run, of two where a run has but four elements; pieces that are on their way: the whole key where it
// has few.
#define PIECE_RUNS (KEY_TYPE == CACHE_F32 ? 2 : 1)
#define PIECE_ELEMENTS (PIECE_RUNS * KEY_ELEMENTS)
#define PIECES (HEAD_SIZE / PIECE_ELEMENTS)
#define MOST_AHEAD (PIECE_RUNS > 1 || IS_QUANTIZED(KEY_TYPE) ? 4 : 8)
#define CAN_BE(ahead) ((ahead) <= MOST_AHEAD && PIECES % (ahead) == 0)
#define KEY_AHEAD                                                                                                        \
  (PIECES <= MOST_AHEAD ? PIECES : CAN_BE(8) ? 8 : CAN_BE(6) ? 6 : CAN_BE(5) ? 5 : CAN_BE(4) ? 4 : CAN_BE(2) ? 2 : 1)
#define ITEM_KEYS (KEY_TILE / LOCAL)

struct key_piece {
  uint4 runs[PIECE_RUNS];
  float scale;
};

static inline struct key_piece load_piece(global const key_element *group, const uint piece, const uint lane) {
  struct key_piece p;
#pragma unroll
  for (uint i = 0; i < PIECE_RUNS; ++i) p.runs[i] = ((global const uint4 *)group)[(piece * PIECE_RUNS + i) * 16 + lane];
  p.scale = scale_of(KEY_TYPE, group, HEAD_SIZE, piece * PIECE_ELEMENTS / 32, lane);
  return p;
}

INLINE void score_piece(const struct key_piece *p, const uint piece, local const float4 *queries, float scores[USED_ROWS]) {
  uint4 bits = p->runs[0];
#pragma unroll UNROLLED(8, 1)
  for (uint j = 0; j < PIECE_ELEMENTS / 4; ++j) {
    // A quad always lies in front: an index that varies would put the run in memory.
    const float4 x =
        KEY_TYPE == CACHE_Q4_0 ? quants_of(KEY_TYPE, bits.x >> (j & 4)) * p->scale : quad_of(KEY_TYPE, bits, 0, p->scale);
    bits = KEY_TYPE == CACHE_F32 ? p->runs[PIECE_RUNS - 1] : KEY_TYPE == CACHE_F16 ? bits.zwxy : bits.yzwx;
#pragma unroll
    for (uint m = 0; m < USED_ROWS; ++m) {
      const float4 q = queries[m * (HEAD_SIZE / 4) + piece * (PIECE_ELEMENTS / 4) + j];
      scores[m] = fma(x.x, q.x, scores[m]);
      scores[m] = fma(x.y, q.y, scores[m]);
      scores[m] = fma(x.z, q.z, scores[m]);
      scores[m] = fma(x.w, q.w, scores[m]);
    }
  }
}

// A key's weights, or scores, of all rows: (KEY_TILE, ROWS).
INLINE void store_key(const float x[USED_ROWS], local float *key) {
#pragma unroll
  for (uint m = 0; m < ROWS; m += 4) {
#define AT(i) (m + (i) < USED_ROWS ? x[m + (i) < USED_ROWS ? m + (i) : 0] : 0.0f)
#if USED_ROWS > 2
    *(local float4 *)(key + m) = (float4)(AT(0), AT(1), AT(2), AT(3));
#else
    key[0] = x[0];
    if (USED_ROWS == 2) key[1] = x[USED_ROWS - 1];
#endif
  }
}

kernel GROUP_OF_ITEMS void decode_attention(ROOTS_13, const struct attention_arguments arguments) {
  local float4 queries[USED_ROWS * HEAD_SIZE / 4];
  local float4 weights4[KEY_TILE * ROWS / 4], parts[2 * PART * VALUE_SIZE / 4];
  local float4 lanes[ROWS][LANES / 4];
  local ulong groups[KEY_TILE / 16];
  local struct range ranges[USED_ROWS];
  local float old[ROWS], new[ROWS], largest[ROWS];
  const struct shared_rows shared = {largest, old, new, lanes};
  local float *const weights = (local float *)weights4;

  global uchar *const roots[] = {LIST_13};
  struct attention all;
  set_attention(&all, roots, &arguments);
  const struct attention *a = &all;
  const uint item = get_local_id(0);
  const int4 tile = ((global const int4 *)(r4 + arguments.tiles))[get_group_id(2)];
  const struct rows rows = rows_of(a, tile, get_group_id(1));
  const uint kv_head = rows.first_head / (a->heads / a->kv_heads);
  global const uint *tables = a->tables + (long)tile.z;

  for (uint m = item; m < USED_ROWS; m += LOCAL) ranges[m] = range_of(a, tile, token_of(&rows, m));
  for (uint i = item; i < USED_ROWS * HEAD_SIZE; i += LOCAL) {
    const uint m = i / HEAD_SIZE, d = i % HEAD_SIZE;
    ((local float *)queries)[i] =
        d < QUERY_SIZE ? a->q[(ulong)token_of(&rows, m) * a->q_stride + head_of(&rows, m) * QUERY_SIZE + d] * a->scale : 0.0f;
  }
  SYNC;
  int begin = INT_MAX, end = 0;
  for (uint m = 0; m < USED_ROWS; m += HEAD_ROWS) {
    begin = min(begin, ranges[m].first);
    end = max(end, ranges[m].last + 1);
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
    // Before and behind what some row sees there may be no block: such a key is taken to be one that is seen, and masked.
    global const key_element *group[ITEM_KEYS];
    uint lane[ITEM_KEYS];
#pragma unroll
    for (uint k = 0; k < ITEM_KEYS; ++k) {
      const uint at = clamp(start + (int)(item + k * LOCAL), from, to - 1);
      const ulong number = group_at(tables[at / BLOCK_SIZE], at % BLOCK_SIZE, kv_head, a->blocks, BLOCK_SIZE);
      group[k] = a->keys + number * KEY_GROUP(HEAD_SIZE);
      lane[k] = at % 16;
      if (item % 16 == 0) groups[(item + k * LOCAL) / 16] = number;
    }
    struct key_piece pieces[KEY_AHEAD];
#pragma unroll
    for (uint i = 0; i < KEY_AHEAD; ++i) pieces[i] = load_piece(group[0], i, lane[0]);
    SYNC;
    // In whole turns of the parts that are on their way: a part that no row sees is zeros, and weighs nothing.
    const struct value_source source = {a, groups, start, from, to};
    const uint first_part = (from - start) / (PART * AHEAD) * AHEAD;
    const uint end_part = (to - start + PART * AHEAD - 1) / (PART * AHEAD) * AHEAD;
    struct value_run values[AHEAD][ITEM_RUNS];
#pragma unroll
    for (uint i = 0; i < EARLY; ++i) load_part(&source, first_part + i, item, values[i]);
    // Or the compiler would move loads to where they are used.
    SYNC;

    float scores[ITEM_KEYS][USED_ROWS];
#pragma unroll
    for (uint k = 0; k < ITEM_KEYS; ++k) {
#pragma unroll
      for (uint m = 0; m < USED_ROWS; ++m) scores[k][m] = 0.0f;
#pragma unroll 1
      for (uint r = 0; r + KEY_AHEAD < PIECES; r += KEY_AHEAD) {
#pragma unroll
        for (uint i = 0; i < KEY_AHEAD; ++i) {
          const struct key_piece piece = pieces[i];
          pieces[i] = load_piece(group[k], r + KEY_AHEAD + i, lane[k]);
          score_piece(&piece, r + i, queries, scores[k]);
        }
      }
#pragma unroll
      for (uint i = 0; i < KEY_AHEAD; ++i) {
        const struct key_piece piece = pieces[i];
        const uint after = k + 1 < ITEM_KEYS ? k + 1 : 0;
        if (after > 0) pieces[i] = load_piece(group[after], i, lane[after]);
        score_piece(&piece, PIECES - KEY_AHEAD + i, queries, scores[k]);
      }
    }
#pragma unroll
    for (uint i = EARLY; i < AHEAD; ++i) load_part(&source, first_part + i, item, values[i]);

#pragma unroll
    for (uint k = 0; k < ITEM_KEYS; ++k) {
#pragma unroll
      for (uint m = 0; m < USED_ROWS; ++m)
        scores[k][m] = masked(a, &rows, ranges[m], m, tile, from, start + (int)(item + k * LOCAL), scores[k][m]);
      store_key(scores[k], weights + (item + k * LOCAL) * ROWS);
    }
    SYNC;
    for (uint i = item; i < ROWS * LANES; i += LOCAL) {
      float best = LOWEST;
#pragma unroll
      for (uint k = 0; k < KEY_TILE; k += LANES) best = max(best, weights[(k + i / ROWS) * ROWS + i % ROWS]);
      ((local float *)lanes)[i % ROWS * LANES + i / ROWS] = best;
    }
    SYNC;
    if (item < ROWS) {
      const float4 best = max(max(lanes[item][0], lanes[item][1]), max(lanes[item][2], lanes[item][3]));
      largest[item] = largest_of(best);
    }
    SYNC;
#pragma unroll
    for (uint k = 0; k < ITEM_KEYS; ++k) {
#pragma unroll
      for (uint m = 0; m < USED_ROWS; ++m) scores[k][m] = exponential(scores[k][m] - largest[m]);
      store_key(scores[k], weights + (item + k * LOCAL) * ROWS);
    }
    if (item < ROWS) meet_largest(&shared, item, &running);
    SYNC;
    for (uint i = item; i < ROWS * LANES; i += LOCAL) {
      float sum = 0.0f;
#pragma unroll
      for (uint k = 0; k < KEY_TILE; k += LANES) sum += weights[(k + i / ROWS) * ROWS + i % ROWS];
      ((local float *)lanes)[i % ROWS * LANES + i / ROWS] = sum;
    }
    unit_sums acc;
    clear_sums(acc);
    weigh_parts(&source, first_part, end_part, item, weights + first_part * PART * ROWS, parts, values, acc);
    end_tile(a, &rows, t, item, &shared, &running, acc, sums);
    SYNC;
  }

  store_rows(a, &rows, item, &shared, &running, sums);
}
