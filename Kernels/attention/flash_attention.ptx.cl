// Attention by NVIDIA's products of small matrices (common/mma.cl), FlashAttention-2's scheme (Dao 2023): queries and weights are rounded to
// halves, sums are float32. For an F16 cache, heads of a multiple of 64, the causal and the full mask, with a window and learned sinks; see flash_attention.vector.cl
// for the arguments.
//
// A work-group has TOKENS queries × HEAD_ROWS heads of one KV head, a warp 16 of these rows. Keys come in steps of 64,
// whose values are on their way while scores are computed, and the next keys while values are weighed. A tile of KEY_TILE keys is a softmax
// of its own as in form.cl, which begins anew, and within it steps are merged with a running maximum:
//   scores   q · k by 16 elements of the head in sequence; weights exp2((score − m) · log2 e), rounded to halves
//   Σ        of a lane's keys in sequence, before they are rounded; at the tile's end lanes t, t ^ 1, then t ^ 2
//   sums     sums · exp2((m_old − m) · log2 e), then weights · values by 16 keys in sequence
// So a row's result is the same whatever rows, splits, or batches surround it. A step or a tile without a key that a row sees changes
// nothing of it.
//
// Work-groups (splits, kv_heads · ⌈group / HEAD_ROWS⌉, tiles), as flash_attention.simt.cl. LOCAL = 64, 96 or 128, at least 2 · TOKENS · HEAD_ROWS.

#ifndef TOKENS
#define TOKENS 16
#endif
#ifndef HEAD_ROWS
#define HEAD_ROWS 4
#endif
#ifndef LOCAL
#define LOCAL 128
#endif
#define KEY_TYPE 1
#define VALUE_TYPE 1

#include "attention/form.cl"
#include "common/mma.cl"

#define ROWS (LOCAL / 2)
#define STEP 64
#define GROUPS (STEP / 16)
#define KEY_VECTORS (HEAD_SIZE / 8)
#define VALUE_VECTORS (VALUE_SIZE / 8)
#define LOG2_E 1.44269504088896340736f

// Where the vector of columns 8c … of a query or of a key's value lies: those of eight rows are in eight different banks.
#define QUERY_AT(m, c) ((m) * KEY_VECTORS + ((c) ^ ((m) & 7)))
#define VALUE_AT(k, c) ((k) * VALUE_VECTORS + ((c) ^ ((k) & 7)))

// What a work-group reads next: keys from `start` on, of which from … to − 1 are seen by some row.
struct cursor {
  uint tile;
  int start, from, to;
};

static inline void set_tile_of(struct cursor *c, const int begin, const int end) {
  c->from = max((int)c->tile * KEY_TILE, begin);
  c->to = min((int)(c->tile + 1) * KEY_TILE, end);
  c->start = c->from / STEP * STEP;
}

// The numbers of the groups of 16 keys of a step; those past its ends repeat the first or the last, for there may be no block.
static inline void find_groups(uint *groups, const struct cursor c, const struct attention *a, global const uint *tables,
                               const uint kv_head) {
#pragma unroll
  for (int i = 0; i < GROUPS; ++i) {
    const uint position = clamp(c.start + i * 16, c.from, c.to - 1);
    groups[i] = group_at(tables[position / BLOCK_SIZE], position % BLOCK_SIZE, kv_head, a->blocks, BLOCK_SIZE);
  }
}

INLINE void copy_keys(local uint4 *to, global const key_element *keys, const uint *groups, const uint item) {
#pragma unroll
  for (uint j = 0; j < GROUPS; ++j) {
    global const uint4 *from = (global const uint4 *)keys + (ulong)groups[j] * (16 * KEY_VECTORS);
#pragma unroll 2
    for (uint i = item; i < 16 * KEY_VECTORS; i += LOCAL) copy_16(to + j * 16 * KEY_VECTORS + i, from + i);
  }
}

// Values that no row sees become zeros, since zero times what lies there may be no number.
INLINE void copy_values(local uint4 *to, global const value_element *values, const uint *groups, const struct cursor c,
                        const uint item) {
#pragma unroll
  for (uint j = 0; j < GROUPS; ++j) {
    global const uint4 *from = (global const uint4 *)values + (ulong)groups[j] * (16 * VALUE_VECTORS);
    const int first = c.from - c.start - (int)j * 16, end = c.to - c.start - (int)j * 16;
#pragma unroll 2
    for (uint i = item; i < 16 * VALUE_VECTORS; i += LOCAL) {
      const int k = i / VALUE_VECTORS;
      copy_16_if(k >= first && k < end, to + VALUE_AT(j * 16 + k, i % VALUE_VECTORS), from + i);
    }
  }
}

// The two rows of a lane, g and g + 8 of its warp; the token and the head of a row. Rows past the counts repeat the last.
#define ROW(r) (item / 32 * 16 + g + (r) * 8)
#define TOKEN_OF(m) (tile.x + min((m) / HEAD_ROWS, (uint)tile.y - 1))
#define HEAD_OF(m) (first_head + min((m) % HEAD_ROWS, head_count - 1))
#define TOKEN(r) TOKEN_OF(ROW(r))
#define HEAD(r) HEAD_OF(ROW(r))
#define IS_STORED(r) (ROW(r) / HEAD_ROWS < (uint)tile.y && ROW(r) % HEAD_ROWS < head_count)

// Element i of an accumulator is of row i / 2.
#define ELEMENT(v, i) ((i) == 0 ? (v).x : (i) == 1 ? (v).y : (i) == 2 ? (v).z : (v).w)

kernel GROUP_OF_ITEMS void flash_attention(ROOTS_13, const struct attention_arguments arguments) {
  local uint4 queries[ROWS * KEY_VECTORS], keys[STEP * KEY_VECTORS], values[STEP * VALUE_VECTORS];
  MMA_SCRATCH;

  global uchar *const roots[] = {LIST_13};
  struct attention all;
  set_attention(&all, roots, &arguments);
  const struct attention *a = &all;
  const uint item = get_local_id(0), lane = item % 32, g = lane / 4, t = lane % 4, split = get_group_id(0);
  const int4 tile = ((global const int4 *)(r4 + arguments.tiles))[get_group_id(2)];
  const uint group = a->heads / a->kv_heads, head_tiles = (group + HEAD_ROWS - 1) / HEAD_ROWS;
  const uint kv_head = get_group_id(1) / head_tiles;
  const uint first_head = kv_head * group + get_group_id(1) % head_tiles * HEAD_ROWS;
  const uint head_count = min((uint)HEAD_ROWS, (kv_head + 1) * group - first_head);
  global const uint *tables = a->tables + (long)tile.z;

  int first_seen[2], last_seen[2];
  float highest[2] = {LOWEST, LOWEST}, total[2] = {0.0f, 0.0f}, tile_highest[2], tile_total[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const struct range range = range_of(a, tile, TOKEN(r));
    first_seen[r] = range.first;
    last_seen[r] = range.last;
  }
  int begin = INT_MAX, end = 0;
#pragma unroll 1
  for (uint i = 0; i < TOKENS && i < (uint)tile.y; ++i) {
    const struct range range = range_of(a, tile, tile.x + i);
    begin = min(begin, range.first);
    end = max(end, range.last + 1);
  }

  for (uint i = item; i < ROWS * KEY_VECTORS; i += LOCAL) {
    const uint m = i / KEY_VECTORS, vector = i % KEY_VECTORS;
    global const float *q = a->q + (ulong)TOKEN_OF(m) * a->q_stride + HEAD_OF(m) * QUERY_SIZE + vector * 8;
    const float4 low = vload4(0, q) * a->scale, high = vload4(1, q) * a->scale;
    queries[QUERY_AT(m, vector)] =
        (uint4)(halves_of(low.x, low.y), halves_of(low.z, low.w), halves_of(high.x, high.y), halves_of(high.z, high.w));
  }
  float4 sums[VALUE_SIZE / 8], merged[VALUE_SIZE / 8];
#pragma unroll
  for (int n = 0; n < VALUE_SIZE / 8; ++n) merged[n] = 0.0f;

  const struct tile_walk walk = tile_walk_of(a, begin, end, split);
  struct cursor at;
  at.tile = walk.first;
  uint groups[GROUPS];
  if (walk.first < walk.end) {
    set_tile_of(&at, begin, end);
    find_groups(groups, at, a, tables, kv_head);
    copy_keys(keys, a->keys, groups, item);
  }
  // VALUE_AT(lane % 16, n + lane / 16), n even, is value_row + (n ^ row_column); likewise of queries.
  const uint value_row = lane % 16 * VALUE_VECTORS, query_row = (item / 32 * 16 + lane % 16) * KEY_VECTORS;
  const uint row_column = lane / 16 ^ (lane & 7);
  while (at.tile < walk.end) {
    const uint number = at.tile;
#pragma unroll
    for (int n = 0; n < VALUE_SIZE / 8; ++n) sums[n] = 0.0f;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      tile_highest[r] = LOWEST;
      tile_total[r] = 0.0f;
    }
    while (at.tile == number) {
      copies_done();
      SYNC_GROUP;
      copy_values(values, a->values, groups, at, item);
      struct cursor after = at;
      after.start += STEP;
      if (after.start >= at.to) {
        after.tile = next_tile(&walk, number + 1);
        set_tile_of(&after, begin, end);
      }
      const bool is_more = after.tile < walk.end;
      if (is_more) find_groups(groups, after, a, tables, kv_head);

      float4 scores[STEP / 8];
#pragma unroll
      for (int n = 0; n < STEP / 8; ++n) scores[n] = 0.0f;
      MMA_UNROLL
      for (uint d = 0; d < QUERY_SIZE / 16; ++d) {
        const uint4 query = load_matrices(queries, query_row + (2 * d ^ row_column), false, SCRATCH);
        MMA_UNROLL
        for (uint pair = 0; pair < STEP / 16; ++pair) {
          // Keys 0 … 7 of the group, two vectors, then keys 8 … 15.
          const uint4 k = load_matrices(
              keys, pair * 16 * KEY_VECTORS + (d * 2 + lane / 8 % 2) * 16 + lane / 16 * 8 + lane % 8, false, SCRATCH);
          scores[pair * 2] = mma_halves(scores[pair * 2], query, k.xy, SCRATCH);
          scores[pair * 2 + 1] = mma_halves(scores[pair * 2 + 1], query, k.zw, SCRATCH);
        }
      }
      // Of the keys from 2t on, the first and the last that a row sees.
      int first[2], last[2];
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        first[r] = first_seen[r] - at.start - 2 * (int)t;
        last[r] = last_seen[r] - at.start - 2 * (int)t;
      }
      if (max(first[0], first[1]) > -2 * (int)t || min(last[0], last[1]) < STEP - 1) {
#pragma unroll
        for (int n = 0; n < STEP / 8; ++n) {
          scores[n].x = n * 8 >= first[0] && n * 8 <= last[0] ? scores[n].x : -INFINITY;
          scores[n].y = n * 8 + 1 >= first[0] && n * 8 + 1 <= last[0] ? scores[n].y : -INFINITY;
          scores[n].z = n * 8 >= first[1] && n * 8 <= last[1] ? scores[n].z : -INFINITY;
          scores[n].w = n * 8 + 1 >= first[1] && n * 8 + 1 <= last[1] ? scores[n].w : -INFINITY;
        }
      }
      float factor[2], shift[2];
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        float largest = tile_highest[r];
#pragma unroll
        for (int n = 0; n < STEP / 8; ++n) largest = fmax(largest, r ? fmax(scores[n].z, scores[n].w) : fmax(scores[n].x, scores[n].y));
        largest = fmax(largest, of_lane(largest, 1, SCRATCH));
        largest = fmax(largest, of_lane(largest, 2, SCRATCH));
        factor[r] = power_of_2((tile_highest[r] - largest) * LOG2_E);
        tile_highest[r] = largest;
        tile_total[r] *= factor[r];
        shift[r] = largest * LOG2_E;
      }
      uint weights[STEP / 8][2];
#pragma unroll
      for (int n = 0; n < STEP / 8; ++n) {
        const float p0 = power_of_2(fma(scores[n].x, LOG2_E, -shift[0])), p1 = power_of_2(fma(scores[n].y, LOG2_E, -shift[0]));
        const float p2 = power_of_2(fma(scores[n].z, LOG2_E, -shift[1])), p3 = power_of_2(fma(scores[n].w, LOG2_E, -shift[1]));
        tile_total[0] += p0;
        tile_total[0] += p1;
        tile_total[1] += p2;
        tile_total[1] += p3;
        weights[n][0] = halves_of(p0, p1);
        weights[n][1] = halves_of(p2, p3);
      }
      if (factor[0] != 1.0f || factor[1] != 1.0f) {
        const float4 factors = (float4)(factor[0], factor[0], factor[1], factor[1]);
#pragma unroll
        for (int n = 0; n < VALUE_SIZE / 8; ++n) sums[n] *= factors;
      }

      copies_done();
      SYNC_GROUP;
      if (is_more) copy_keys(keys, a->keys, groups, item);
      MMA_UNROLL
      for (uint k = 0; k < STEP / 16; ++k) {
        const uint4 p = (uint4)(weights[2 * k][0], weights[2 * k][1], weights[2 * k + 1][0], weights[2 * k + 1][1]);
        MMA_UNROLL
        for (uint n = 0; n < VALUE_SIZE / 8; n += 2) {
          // Keys 0 … 7, then 8 … 15 of the 16, of columns 8n …, then of the next eight.
          const uint4 v = load_matrices(values, k * 16 * VALUE_VECTORS + value_row + (n ^ row_column), true, SCRATCH);
          sums[n] = mma_halves(sums[n], p, v.xy, SCRATCH);
          sums[n + 1] = mma_halves(sums[n + 1], p, v.zw, SCRATCH);
        }
      }

      at = after;
    }

    float of_keys[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      of_keys[r] = tile_total[r] + of_lane(tile_total[r], 1, SCRATCH);
      of_keys[r] += of_lane(of_keys[r], 2, SCRATCH);
    }
    float old[2], new[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      if (a->splits > 1) {
        if (IS_STORED(r)) {
          global float *partial = a->partials + (((ulong)TOKEN(r) * a->heads + HEAD(r)) * a->key_tiles + number) * PARTIAL_SIZE;
          if (t == 0) {
            partial[0] = tile_highest[r];
            partial[1] = of_keys[r];
          }
#pragma unroll
          for (int n = 0; n < VALUE_SIZE / 8; ++n)
            *(global float2 *)(partial + 16 + n * 8 + 2 * t) = r ? sums[n].zw : sums[n].xy;
        }
      } else {
        const struct merge m = merge_of(highest[r], tile_highest[r]);
        total[r] = fma(total[r], m.old, of_keys[r] * m.new);
        highest[r] = m.highest;
        old[r] = m.old;
        new[r] = m.new;
      }
    }
    if (a->splits == 1) {
      const float4 olds = (float4)(old[0], old[0], old[1], old[1]), news = (float4)(new[0], new[0], new[1], new[1]);
#pragma unroll
      for (int n = 0; n < VALUE_SIZE / 8; ++n) merged[n] = fma(merged[n], olds, sums[n] * news);
    }
  }

#pragma unroll
  for (int r = 0; r < 2; ++r) {
    if (a->splits == 1 && IS_STORED(r)) {
      const float last = last_factor(a, TOKEN(r), HEAD(r), highest[r], total[r]);
      global float *out = a->out + ((ulong)TOKEN(r) * a->heads + HEAD(r)) * RESULT_SIZE;
#pragma unroll
      for (int n = 0; n < RESULT_SIZE / 8; ++n) *(global float2 *)(out + n * 8 + 2 * t) = (r ? merged[n].zw : merged[n].xy) * last;
    }
  }
}
