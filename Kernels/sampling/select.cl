// The least key that stays when only the largest may: so many of them, or so much of their mass.
//
// A search over the keys' bits, eight at a time: each pass counts the keys of an interval by 256 bins, finds the bin that holds
// the threshold, and goes on with that bin. Blocks whose largest key is below the interval are passed over.

#pragma once

#include "sampling/locate.cl"

#define DIGITS 256

typedef struct {
  located at;
  SHARED uint *counts;
#if SIMT
  local uint *low, *high;
  local ushort *active;
  local uint *active_count;
#endif
} selection;

#if SIMT
#define DECLARE_SELECTION(name)                                                             \
  DECLARE_LOCATED(name##_at);                                                               \
  local uint name##_counts[DIGITS], name##_low[DIGITS], name##_high[DIGITS];                \
  local ushort name##_active[BLOCKS];                                                       \
  local uint name##_active_count[1];                                                        \
  const selection name = {name##_at, name##_counts, name##_low, name##_high, name##_active, name##_active_count}
#else
#define DECLARE_SELECTION(name) \
  DECLARE_LOCATED(name##_at);   \
  uint name##_counts[DIGITS];   \
  const selection name = {name##_at, name##_counts}
#endif

typedef struct {
  global const float *logits;  // the row's
  global const ulong *keys;    // the largest of each block
  uint vocabulary;
  ulong best;  // the row's largest key
} selected_row;

// Adds a key to its bin, the largest keys' first.
static inline void tally(const selection *s, ulong key, ulong first, uint shift, ulong mass) {
  const uint bin = DIGITS - 1 - (uint)((key - first) >> shift);
#if SIMT
  atomic_inc(&s->counts[bin]);
  const uint low = (uint)mass;
  const uint carry = atomic_add(&s->low[bin], low) > UINT_MAX - low;
  atomic_add(&s->high[bin], (uint)(mass >> 32) + carry);
#else
  s->counts[bin] += 1;
  s->at.cells[bin] += mass;
#endif
}

// Tallies the blocks' largest keys from `first` to `last`, each with a mass of 1.
static inline void tally_blocks(const selection *s, const selected_row *row, ulong first, ulong last, uint shift) {
  const uint blocks = block_count(row->vocabulary);
  for (uint i = get_local_id(0); i < blocks; i += ROW_ITEMS)
    if (row->keys[i] >= first && row->keys[i] <= last) tally(s, row->keys[i], first, shift, 1);
}

#if SIMT
// Lists the blocks that have a key of `first` or more.
static inline void list_blocks(const selection *s, const selected_row *row, ulong first) {
  const uint blocks = block_count(row->vocabulary);
  barrier(CLK_LOCAL_MEM_FENCE);
  if (get_local_id(0) == 0) *s->active_count = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint i = get_local_id(0); i < blocks; i += ROW_ITEMS)
    if (row->keys[i] >= first) s->active[atomic_inc(s->active_count)] = i;
  barrier(CLK_LOCAL_MEM_FENCE);
}

// The i-th id of the listed blocks, which have 2^bits each; the last block's may exceed the vocabulary.
static inline uint listed_id(const selection *s, uint i, uint bits) {
  return (s->active[i >> bits] << bits) + (i & ((1u << bits) - 1));
}
#endif

// Tallies the row's keys from `first` to `last`: each with its odds, or with a mass of 1.
static inline void tally_logits(const selection *s, const selected_row *row, ulong first, ulong last, uint shift, bool by_odds) {
  const uint bits = block_bits(row->vocabulary);
  const float best = logit_of(row->best);
#if SIMT
  const uint count = *s->active_count << bits;
  for (uint i = get_local_id(0); i < count; i += ROW_ITEMS) {
    const uint id = listed_id(s, i, bits);
    if (id >= row->vocabulary) continue;
    const float logit = row->logits[id];
    const ulong key = key_of(logit, id);
    if (key >= first && key <= last) tally(s, key, first, shift, by_odds ? odds_of(logit, best) : 1);
  }
#else
  const uint blocks = block_count(row->vocabulary);
  const float least = logit_of(first), most = logit_of(last);
  for (uint block = 0; block < blocks; ++block) {
    if (row->keys[block] < first) continue;
    const uint end = min((block + 1) << bits, row->vocabulary);
    for (uint id = block << bits; id < end; id += LANES) {
      const float16 x = load_logits(row->logits, id, end);
      if (!any(x >= least & x <= most)) continue;
      float logits[LANES];
      ulong odds[LANES];
      vstore16(x, 0, logits);
      if (by_odds) vstore16(odds_of(x, best), 0, odds);
      for (uint i = 0; i < LANES; ++i) {
        const ulong key = key_of(logits[i], id + i);
        if (key >= first && key <= last) tally(s, key, first, shift, by_odds ? odds[i] : 1);
      }
    }
  }
#endif
}

#define OF_BLOCKS 0
#define OF_COUNT 1
#define OF_ODDS 2

// The least key with which the keys from it on exceed the target that `locate` defines: counted, or their odds summed. `first`
// where all the keys from it on do not; the answer is never less.
//
// Every work-item of a work-group of ROW_ITEMS calls it.
static inline ulong select_key(const selection *s, const selected_row *row, uint kind, ulong first, ulong value, ulong fraction) {
  const uint item = get_local_id(0);
  ulong last = row->best;
#if SIMT
  if (kind != OF_BLOCKS) list_blocks(s, row, first);
#endif
  uint bits = first < last ? 64 - clz(last - first) : 0;
  while (bits > 0) {
    const uint shift = max((int)bits - 8, 0);
#if SIMT
    barrier(CLK_LOCAL_MEM_FENCE);
    s->counts[item] = s->low[item] = s->high[item] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
#else
    for (uint i = 0; i < DIGITS; ++i) s->counts[i] = s->at.cells[i] = 0;
#endif
    if (kind == OF_BLOCKS)
      tally_blocks(s, row, first, last, shift);
    else
      tally_logits(s, row, first, last, shift, kind == OF_ODDS);
#if SIMT
    barrier(CLK_LOCAL_MEM_FENCE);
    s->at.cells[item] = (ulong)s->high[item] << 32 | s->low[item];
#endif
    locate(&s->at, DIGITS, value, fraction);
    const uint bin = *s->at.index;
    bits = 0;
    if (bin < DIGITS) {
      first += (ulong)(DIGITS - 1 - bin) << shift;
      last = min(last, first + ((ulong)1 << shift) - 1);
      value = *s->at.target - *s->at.before;
      fraction = 0;
      // A bin that stays whole, or has one key, is not searched further.
      const bool is_whole = s->counts[bin] == 1 || (kind != OF_ODDS && s->at.cells[bin] == value + 1);
      if (!is_whole) bits = shift;
    }
  }
  return min(first, row->best);
}

// The least key of the `count` largest (0: of all) and, where `by_odds`, of as few of these as reach a target of odds: more than
// `odds`, or `fraction` / 2^64 of all theirs. The caller knows that none of them is under `floor`, which is the answer where
// all of them stay.
//
// One search of the blocks' largest keys for a floor, where that tells; one of keys by count, one by odds. What is not wanted is
// searched among nothing: no work-item leaves the others alone at a barrier.
static inline ulong select_largest(const selection *s, const selected_row *row, uint count, bool by_odds, ulong odds,
                                   ulong fraction, ulong floor) {
  const bool blocks_tell = count > 0 && count <= block_count(row->vocabulary);
  for (uint kind = OF_BLOCKS; kind <= OF_ODDS; ++kind) {
    const bool is_wanted = kind == OF_BLOCKS ? blocks_tell : kind == OF_COUNT ? count > 0 : by_odds;
    const bool of_odds = kind == OF_ODDS;
    const ulong found = select_key(s, row, kind, is_wanted ? floor : row->best, of_odds ? odds : count - 1,
                                   of_odds ? fraction : 0);
    if (is_wanted) floor = found;
  }
  return floor;
}
