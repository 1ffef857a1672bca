// What the kernels that sample rows of logits share: a row's parameters, how logits are ordered, and where a row's state lies.
//
// Everything that decides a token is an integer, so no result depends on how the work is cut: logits are ordered by keys, and
// probabilities are summed in fixed point.

#pragma once

#include "common/kernel.cl"
#include "common/math.cl"

#define GREEDY SAMPLING_GREEDY
#define LOG_PROBABILITIES SAMPLING_LOG_PROBABILITIES
#define BLOCKS SAMPLING_BLOCKS
#define PARTS SAMPLING_PARTS

typedef struct sampling_row sampling_row;
typedef struct sampled_row sampled_row;

static inline uint block_bits(uint vocabulary) {
  uint bits = SIMT ? SAMPLING_BLOCK_BITS_SIMT : SAMPLING_BLOCK_BITS_VECTOR;
  while ((BLOCKS << bits) < vocabulary) ++bits;
  return bits;
}
static inline uint block_length(uint vocabulary) { return 1u << block_bits(vocabulary); }
static inline uint block_count(uint vocabulary) {
  return (vocabulary + block_length(vocabulary) - 1) >> block_bits(vocabulary);
}
static inline uint part_blocks(uint vocabulary) { return (block_count(vocabulary) + PARTS - 1) / PARTS; }

// Work-items of a work-group that has a row, or a part or block of one; and the memory that they share.
#if SIMT
#define ROW_ITEMS SAMPLING_ROW_ITEMS
#define SHARED local
#else
#define SHARED private
#define ROW_ITEMS 1
#endif

// A kernel whose work-groups have `items` work-items; and its views: logits (rows, vocabulary), a row's parameters, its state, and what
// is reported of it.
#define SAMPLING_KERNEL(items, name) \
  kernel __attribute__((reqd_work_group_size(items, 1, 1))) void name(ROOTS_4, const struct sampling_arguments arguments)
#define SAMPLING_VIEWS                                                            \
  const struct sampling_arguments *const a = &arguments;                          \
  global uchar *const roots[] = {LIST_4};                                         \
  global float *const logits = VIEW(float, 0, logits);                            \
  global const sampling_row *const rows = VIEW(const sampling_row, 1, inputs);    \
  global ulong *const state = VIEW(ulong, 2, state);                              \
  const uint vocabulary = a->vocabulary, x = get_group_id(0), row = get_group_id(1)

// Larger for a larger logit and, among equals (0 and -0 are), for a lower id; the key of a NaN is not used.
static inline ulong key_of(float logit, uint id) {
  // Not logit + 0.0f, which Mesa's compiler takes for logit.
  const uint bits = logit == 0.0f ? 0 : as_uint(logit);
  return (ulong)((bits >> 31) ? ~bits : bits | 0x80000000u) << 32 | ~id;
}
static inline float logit_of(ulong key) {
  const uint bits = key >> 32;
  return as_float((bits >> 31) ? bits ^ 0x80000000u : ~bits);
}
static inline uint id_of(ulong key) { return ~(uint)key; }

// The least key of a finite logit; the key of a row that has a NaN or an infinity, larger than all others.
#define LEAST_KEY ((ulong)0x00800000u << 32)
#define WRONG_KEY ULONG_MAX
static inline bool is_wrong(ulong best) { return best == WRONG_KEY || best < LEAST_KEY; }

#if SIMT
typedef ulong lanes_l;
#define TO_ULONG(x) convert_ulong(x)
#define TO_INT(x) convert_int(x)
#else
typedef ulong16 lanes_l;
#define TO_ULONG(x) convert_ulong16(x)
#define TO_INT(x) convert_int16(x)
#endif

// 2^42 · x, rounded down, for x from 0 to 1; a sum of 2^20 of them fits.
#define ONE_BITS 42
static inline lanes_l fixed_point(lanes_f x) {
  const lanes_f scaled = x * 0x1p30f;
  const lanes_i high = TO_INT(scaled);
  const lanes_i low = TO_INT((scaled - TO_FLOAT(high)) * 0x1p12f);
  return TO_ULONG(high) << 12 | TO_ULONG(low);
}

// The odds of logits against the row's largest, at temperature 1.
static inline lanes_l odds_of(lanes_f logits, float best) { return fixed_point(exponential(logits - best)); }

// The weights of tokens in the draw: 0 for those whose key is under the threshold.
static inline lanes_l weights_of(lanes_f logits, lanes_u ids, float best, ulong threshold, float inverse_temperature) {
  const lanes_f least = logit_of(threshold);
  const lanes_i stays = AS_INT(logits > least) | (AS_INT(logits == least) & AS_INT(ids <= id_of(threshold)));
  return fixed_point(stays ? exponential((logits - best) * inverse_temperature) : (lanes_f)0.0f);
}

#if !SIMT
static inline ulong sum_of_ulongs(ulong16 v) {
  const ulong8 a = v.lo + v.hi;
  const ulong4 b = a.lo + a.hi;
  const ulong2 c = b.lo + b.hi;
  return c.lo + c.hi;
}

// 16 logits from `id` on; -INFINITY in the place of those at `end` and behind.
static inline float16 load_logits(global const float *row, uint id, uint end) {
  if (id + 16 <= end) return vload16(0, row + id);
  float logits[16];
  for (uint i = 0; i < 16; ++i) logits[i] = id + i < end ? row[id + i] : -INFINITY;
  return vload16(0, logits);
}
#define FIRST_16 ((uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#endif

#if SIMT
// Logits of a block that a work-item has, ROW_ITEMS apart: all are loaded before one is used.
#define BLOCK_LOGITS 4
struct block_logits {
  float x[BLOCK_LOGITS];
};
static inline struct block_logits load_block(global const float *row, uint begin, uint end) {
  struct block_logits block;
#pragma unroll
  for (uint i = 0; i < BLOCK_LOGITS; ++i) {
    const uint id = begin + i * ROW_ITEMS + get_local_id(0);
    block.x[i] = id < end ? row[id] : -INFINITY;
  }
  return block;
}

// The sum, or the largest, of all work-items' numbers, for all of them.
#define REDUCTION(name, combined)                                            \
  INLINE ulong name(const ulong own, local ulong *items) {                   \
    const uint item = get_local_id(0);                                       \
    barrier(CLK_LOCAL_MEM_FENCE);                                            \
    items[item] = own;                                                       \
    barrier(CLK_LOCAL_MEM_FENCE);                                            \
    for (uint step = ROW_ITEMS / 2; step > 0; step /= 2) {                   \
      if (item < step) {                                                     \
        const ulong a = items[item], b = items[item + step];                 \
        items[item] = combined;                                              \
      }                                                                      \
      barrier(CLK_LOCAL_MEM_FENCE);                                          \
    }                                                                        \
    return items[0];                                                         \
  }
REDUCTION(sum_of_items, a + b)
REDUCTION(largest_of_items, max(a, b))
#endif

// The row's largest key, of those of its blocks. Every work-item of a work-group of ROW_ITEMS calls it.
INLINE ulong largest_key(global const ulong *keys, uint count, SHARED ulong *items) {
  ulong best = 0;
#if SIMT
  for (uint i = get_local_id(0); i < count; i += ROW_ITEMS) best = max(best, keys[i]);
  return largest_of_items(best, items);
#else
  for (uint i = 0; i < count; ++i) best = max(best, keys[i]);
  return best;
#endif
}
