// What the simt kernels know of a work-group's rows, and of the keys of a tile, in local memory.

#pragma once

// Rows past the counts repeat the last.
struct rows {
  uint first_token, first_head, token_count, head_count;
};

static inline uint token_of(const struct rows *r, const uint row) {
  return r->first_token + min(row / HEAD_ROWS, r->token_count - 1);
}
static inline uint head_of(const struct rows *r, const uint row) {
  return r->first_head + min(row % HEAD_ROWS, r->head_count - 1);
}
static inline bool is_row(const struct rows *r, const uint row) {
  return row < TOKENS * HEAD_ROWS && row / HEAD_ROWS < r->token_count && row % HEAD_ROWS < r->head_count;
}

static inline struct rows rows_of(const struct attention *a, const int4 tile, const uint head_tile) {
  const uint group = a->heads / a->kv_heads, head_tiles = (group + HEAD_ROWS - 1) / HEAD_ROWS;
  const uint kv_head = head_tile / head_tiles;
  struct rows r;
  r.first_token = tile.x;
  r.token_count = tile.y;
  r.first_head = kv_head * group + head_tile % head_tiles * HEAD_ROWS;
  r.head_count = min((uint)HEAD_ROWS, (kv_head + 1) * group - r.first_head);
  return r;
}

// A row's score of a key, masked; `from` is the first key of the tile that any row sees.
static inline float masked(const struct attention *a, const struct rows *rows, const struct range r, const uint row, const int4 tile,
                           const int from, const int key, float score) {
#if HAS_SOFT_CAP
  score = a->soft_cap * hyperbolic_tangent(score / a->soft_cap);
#endif
#if HAS_BIAS
  score += a->bias[head_of(rows, row) * (2 * a->bias_reach + 1) +
                   clamp(key - r.position, -a->bias_reach, a->bias_reach) + a->bias_reach];
#endif
#if HAS_SLOPES
  score = fma(-a->slopes[head_of(rows, row)], fabs((float)(key - r.position)), score);
#endif
  bool sees = key >= from && key <= r.last && (key >= r.first || key < (int)a->sink_keys);
#if MASK == TREE
  // Without branches: loads are on their way.
  const int bit = key - tile.w, word = clamp(bit, 0, TREE_WORDS * 32 - 1) / 32;
  const uint bits = a->masks[token_of(rows, row) * TREE_WORDS + word];
  sees = sees & (bit < 0 | (bit < TREE_WORDS * 32 & (bits >> (bit & 31) & 1)));
#endif
  return sees ? score : -INFINITY;
}

// The sum of 16 lanes, by halves.
INLINE float sum_of_sixteen(local const float4 *lanes) {
  const float4 a = lanes[0] + lanes[2], b = lanes[1] + lanes[3], c = a + b;
  const float2 d = c.lo + c.hi;
  return d.x + d.y;
}

static inline float largest_of(const float4 x) { return max(max(x.x, x.y), max(x.z, x.w)); }
