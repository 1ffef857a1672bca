// The forms of attention: what both styles share. Every form is chosen by a constant, so that a kernel has only what it needs.
//
//   MASK        what query t sees, its position p = positions[t]:
//     CAUSAL    keys p − window + 1 … p
//     FULL      keys p − window + 1 … p + window − 1 of the tile's w keys (encoders)
//     TREE      of the keys before w those from p − window + 1 on, and key w + i if bit i of masks[t] is set: TREE_WORDS words,
//               which lead from the query up to the root of its tree (SpecInfer, Miao et al. 2024)
//   ALiBi       HAS_SLOPES: −slopes[head] · |p − key| is added to scores (Press et al. 2022)
//   sinks       HAS_SINKS: exp(sinks[head]) is added to the softmax's denominator (gpt-oss);
//               sink_keys: a query sees these first keys whatever its window (StreamingLLM, Xiao et al. 2023)
//   bias        HAS_BIAS: bias[head][key − p, limited to ± bias_reach] is added to scores (T5, Raffel et al. 2020)
//   cap         HAS_SOFT_CAP: scores become soft_cap · tanh(score / soft_cap), before anything is added to them
//
// A window of 0 has no limit. Keys come in tiles of KEY_TILE, which begin at multiples of it. Each tile is a softmax of its own:
// the largest score m, Σ exp(score − m) and Σ exp(score − m) · value; results of tiles are merged in order (merge_into). So a
// row's result depends neither on who computes its tiles, nor on tiles that its mask rules out, which change nothing.

#pragma once

#define CAUSAL 0
#define FULL 1
#define TREE 2

#ifndef MASK
#define MASK CAUSAL
#endif
#ifndef TREE_WORDS
#define TREE_WORDS 2
#endif
#ifndef HAS_SLOPES
#define HAS_SLOPES 0
#endif
#ifndef HAS_SINKS
#define HAS_SINKS 0
#endif
#ifndef HAS_BIAS
#define HAS_BIAS 0
#endif
#ifndef HAS_SOFT_CAP
#define HAS_SOFT_CAP 0
#endif
// Whether log Σ exp(score) of each row is stored too.
#ifndef HAS_SUMS
#define HAS_SUMS 0
#endif
// Elements of a head's queries and keys, and of its values and results; HEAD_SIZE and VALUE_SIZE are the same as the cache rounds
// them up.
#ifndef QUERY_SIZE
#define QUERY_SIZE 64
#endif
#ifndef HEAD_SIZE
#define HEAD_SIZE QUERY_SIZE
#endif
#ifndef RESULT_SIZE
#define RESULT_SIZE QUERY_SIZE
#endif
#ifndef VALUE_SIZE
#define VALUE_SIZE RESULT_SIZE
#endif
// Whether values are the first VALUE_SIZE elements of the keys (MLA, DeepSeek-V2).
#ifndef SHARED_VALUES
#define SHARED_VALUES 0
#endif
#ifndef KEY_TILE
#define KEY_TILE 256
#endif
// Tokens of a cache's block, a multiple of 16.
#ifndef BLOCK_SIZE
#define BLOCK_SIZE 64
#endif

#include "common/kernel.cl"
#include "common/cache.cl"
#include "common/math.cl"

#define LOWEST -1e30f
// A tile's partial result in memory: m, Σ, then the columns.
#define PARTIAL_SIZE (VALUE_SIZE + 16)

struct attention {
  global const float *q;
  global const key_element *keys;
  global const value_element *values;
  global const uint *tables;
  global const int *positions;
  global const uint *masks;
  global const float *slopes, *sinks, *bias;
  global float *out, *log_sums, *partials;
  uint heads, kv_heads, q_stride, blocks, window, sink_keys;
  // How many work-items share a tile's keys, and from one row's partial results to the next's, in key tiles.
  uint splits, key_tiles;
  int bias_reach;
  float scale, soft_cap;
};

static inline void set_attention(struct attention *all, ROOTS, const struct attention_arguments *a) {
  all->q = VIEW(const float, 0, q);
  all->keys = VIEW(const key_element, 1, keys);
  all->values = VIEW(const value_element, 2, values);
  all->tables = VIEW(const uint, 3, tables);
  all->positions = VIEW(const int, 5, positions);
  all->masks = VIEW(const uint, 6, masks);
  all->slopes = VIEW(const float, 7, slopes);
  all->sinks = VIEW(const float, 8, sinks);
  all->bias = VIEW(const float, 9, bias);
  all->out = VIEW(float, 10, out);
  all->log_sums = VIEW(float, 11, log_sums);
  all->partials = VIEW(float, 12, partials);
  all->heads = a->heads;
  all->kv_heads = a->kv_heads;
  all->q_stride = a->q_stride;
  all->blocks = a->blocks;
  all->window = a->window;
  all->sink_keys = a->sink_keys;
  all->splits = a->splits;
  all->key_tiles = a->key_tiles;
  all->bias_reach = a->bias_reach;
  all->scale = a->scale;
  all->soft_cap = a->soft_cap;
}

// Keys first … last, but of a tree only those of its bits, and the sinks. None where first > last.
struct range {
  int first, last, position;
};

static inline struct range range_of(const struct attention *a, const int4 tile, const uint token) {
  struct range r;
  r.position = a->positions[token];
  r.first = a->window > 0 ? max(r.position - (int)a->window + 1, 0) : 0;
#if MASK == CAUSAL
  r.last = r.position;
#elif MASK == FULL
  r.last = a->window > 0 ? min(r.position + (int)a->window, tile.w) - 1 : tile.w - 1;
#else
  r.last = tile.w - 1;
  for (int i = TREE_WORDS - 1; i >= 0 && r.last < tile.w; --i) {
    const uint word = a->masks[token * TREE_WORDS + i];
    if (word != 0) r.last = tile.w + i * 32 + 31 - (int)clz(word);
  }
#endif
  return r;
}

// Whether a query of range r sees any key from `start` to `end`; a tree counts as a whole.
static inline bool sees_some(const struct attention *a, const struct range r, const int start, const int end) {
  return start <= r.last && ((end > r.first && r.first <= r.last) || start < (int)a->sink_keys);
}

// The key tiles of work-item `split` of all, of rows that see keys begin … end − 1 and the sinks: those from `first` on, each
// after the other by `next_tile`, up to `end`.
struct tile_walk {
  uint first, end, gap_begin, gap_end;
};

static inline uint next_tile(const struct tile_walk *walk, const uint t) {
  return t >= walk->gap_begin && t < walk->gap_end ? walk->gap_end : t;
}

static inline struct tile_walk tile_walk_of(const struct attention *a, const int begin, const int end, const uint split) {
  struct tile_walk walk;
  const uint count = (max(end, 0) + KEY_TILE - 1) / KEY_TILE;
  walk.gap_begin = (a->sink_keys + KEY_TILE - 1) / KEY_TILE;
  walk.gap_end = min((uint)begin / KEY_TILE, count);
  const uint first = walk.gap_begin > 0 ? 0 : walk.gap_end;
  walk.end = first + (count - first) * (split + 1) / a->splits;
  walk.first = next_tile(&walk, first + (count - first) * split / a->splits);
  return walk;
}

#if MASK == TREE
// Bits of the 16 keys from `at`, counted from the beginning of the tree; keys before it are seen.
static inline uint tree_bits(global const uint *mask, const int at) {
  if (at <= -16) return 0xffffu;
  if (at >= TREE_WORDS * 32) return 0;
  const uint from = max(at, 0), word = from / 32;
  ulong bits = mask[word];
  if (word + 1 < TREE_WORDS) bits |= (ulong)mask[word + 1] << 32;
  bits >>= from % 32;
  if (at < 0) bits = bits << -at | ((1u << -at) - 1);
  return (uint)bits;
}
#endif

// How two results are merged: each sum becomes fma(sum, old, sum_new · new). Lanes are rows, or all the same one.
struct merge {
  lanes_f highest, old, new;
};

static inline struct merge merge_of(const lanes_f highest, const lanes_f highest_new) {
  struct merge m;
  m.highest = max(highest, highest_new);
  m.old = exponential(highest - m.highest);
  m.new = exponential(highest_new - m.highest);
  return m;
}

// What a row's sums are multiplied by in the end; the learned sink is the last to be merged.
static inline float last_factor(const struct attention *a, const uint token, const uint head, float highest, float total) {
  float factor = 1.0f;
#if HAS_SINKS
  const struct merge m = merge_of(highest, a->sinks[head]);
  factor = FIRST_LANE(m.old);
  total = fma(total, factor, FIRST_LANE(m.new));
  highest = FIRST_LANE(m.highest);
#endif
#if HAS_SUMS
  a->log_sums[token * a->heads + head] = total > 0.0f ? highest + FIRST_LANE(logarithm((lanes_f)total)) : -INFINITY;
#endif
  // Sums of a query that sees nothing are zeros.
  return total > 0.0f ? factor / total : 0.0f;
}
