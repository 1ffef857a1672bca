// The least key that stays when only the largest may: so many of them, or so much of their mass.
//
// A search over the keys' bits, eight at a time: each pass counts the keys of an interval by 256 digits, finds the digit that holds
// the threshold, and goes on with that digit. The keys are in the vector style all of a row, of which blocks whose largest is below the
// interval are passed over; in the simt style those that threshold.cl has listed, of some bins.

#pragma once

#include "sampling/locate.cl"
#include "sampling/tallies.cl"

#define DIGITS 256

typedef struct {
  located at;
  SHARED uint *counts;
#if SIMT
  local uint *low, *high;
#endif
} selection;

#if SIMT
#define DECLARE_SELECTION(name)                                                   \
  DECLARE_LOCATED(name##_at, DIGITS);                                             \
  local uint name##_counts[DIGITS], name##_low[DIGITS], name##_high[DIGITS];      \
  const selection name = {name##_at, name##_counts, name##_low, name##_high}
#else
#define DECLARE_SELECTION(name)       \
  DECLARE_LOCATED(name##_at, BLOCKS); \
  uint name##_counts[DIGITS];         \
  const selection name = {name##_at, name##_counts}
#endif

typedef struct {
  global const float *logits;  // the row's
  global const ulong *keys;    // the largest of each block, or the list
  uint vocabulary;
#if SIMT
  uint listed;               // the list's length; more than SAMPLING_LISTED where it has no room for them, and the row is read
  uint first_bin, last_bin;  // those that are searched
#endif
  ulong best;  // the row's largest key
} selected_row;

// Adds a key to its digit, the largest keys' first.
static inline void tally(const selection *s, ulong key, ulong first, uint shift, ulong mass) {
  const uint digit = DIGITS - 1 - (uint)((key - first) >> shift);
#if SIMT
  atomic_inc(&s->counts[digit]);
  ADD_IN_HALVES(&s->low[digit], &s->high[digit], mass);
#else
  s->counts[digit] += 1;
  s->at.cells[digit] += mass;
#endif
}

#define OF_BLOCKS 0
#define OF_COUNT 1
#define OF_ODDS 2

#if SIMT

static inline uint key_count(const selected_row *row) {
  return row->listed > SAMPLING_LISTED ? row->vocabulary : row->listed;
}
static inline ulong key_at(const selected_row *row, uint i) {
  return row->listed > SAMPLING_LISTED ? key_of(row->logits[i], i) : row->keys[i];
}
static inline bool is_searched(const selected_row *row, ulong key) {
  const uint bin = bin_of(logit_of(key), logit_of(row->best));
  return bin >= row->first_bin && bin <= row->last_bin;
}

#endif

// Tallies the keys from `first` to `last`: with their odds, or each with a mass of 1.
static inline void tally_keys(const selection *s, const selected_row *row, uint kind, ulong first, ulong last, uint shift) {
  const float best = logit_of(row->best);
#if SIMT
  for (uint i = get_local_id(0); i < key_count(row); i += ROW_ITEMS) {
    const ulong key = key_at(row, i);
    if (key >= first && key <= last && is_searched(row, key))
      tally(s, key, first, shift, kind == OF_ODDS ? odds_of(logit_of(key), best) : 1);
  }
#else
  const uint blocks = block_count(row->vocabulary), bits = block_bits(row->vocabulary);
  const float least = logit_of(first), most = logit_of(last);
  for (uint block = 0; block < blocks; ++block) {
    if (row->keys[block] < first) continue;
    if (kind == OF_BLOCKS) {
      if (row->keys[block] <= last) tally(s, row->keys[block], first, shift, 1);
      continue;
    }
    const uint end = min((block + 1) << bits, row->vocabulary);
    for (uint id = block << bits; id < end; id += LANES) {
      const float16 x = load_logits(row->logits, id, end);
      if (!any(x >= least & x <= most)) continue;
      float logits[LANES];
      ulong odds[LANES];
      vstore16(x, 0, logits);
      if (kind == OF_ODDS) vstore16(odds_of(x, best), 0, odds);
      for (uint i = 0; i < LANES; ++i) {
        const ulong key = key_of(logits[i], id + i);
        if (key >= first && key <= last) tally(s, key, first, shift, kind == OF_ODDS ? odds[i] : 1);
      }
    }
  }
#endif
}

// The least key with which the keys from it on, to `last`, exceed the target that `locate` defines: counted, or their odds summed.
// `first` where all the keys from it on do not; the answer is never less.
//
// Every work-item of a work-group of ROW_ITEMS calls it.
static inline ulong select_key(const selection *s, const selected_row *row, uint kind, ulong first, ulong last, ulong value,
                               ulong fraction) {
  const uint item = get_local_id(0);
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
    tally_keys(s, row, kind, first, last, shift);
#if SIMT
    barrier(CLK_LOCAL_MEM_FENCE);
    s->at.cells[item] = (ulong)s->high[item] << 32 | s->low[item];
#endif
    locate(&s->at, DIGITS, value, fraction);
    const uint digit = *s->at.index;
    bits = 0;
    if (digit < DIGITS) {
      first += (ulong)(DIGITS - 1 - digit) << shift;
      last = min(last, first + ((ulong)1 << shift) - 1);
      value = *s->at.target - *s->at.before;
      fraction = 0;
      // A digit that stays whole, or has one key, is not searched further.
      const bool is_whole = s->counts[digit] == 1 || (kind != OF_ODDS && s->at.cells[digit] == value + 1);
      if (!is_whole) bits = shift;
    }
  }
  return min(first, row->best);
}

#if !SIMT

// The least key of the `count` largest (0: of all) and, where `by_odds`, of as few of these as reach a target of odds: more than
// `odds`, or `fraction` / 2^64 of all theirs. The caller knows that none of them is under `floor`, which is the answer where
// all of them stay.
//
// One search of the blocks' largest keys for a floor, where that tells; one of keys by count, one by odds.
static inline ulong select_largest(const selection *s, const selected_row *row, uint count, bool by_odds, ulong odds,
                                   ulong fraction, ulong floor) {
  if (count > 0 && count <= block_count(row->vocabulary))
    floor = select_key(s, row, OF_BLOCKS, floor, row->best, count - 1, 0);
  if (count > 0) floor = select_key(s, row, OF_COUNT, floor, row->best, count - 1, 0);
  return by_odds ? select_key(s, row, OF_ODDS, floor, row->best, odds, fraction) : floor;
}

#endif
