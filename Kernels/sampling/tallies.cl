// Simt style: how many logits of a row are in each bin (bins.cl), and the sum of their odds. survey.cl clears them, mass.cl adds
// up what each block has.
//
// Which bins decide a threshold follows from them. The keys of these bins are listed (threshold.cl), in any order: everything that
// is made of a list is a sum of integers, or ranks.

#pragma once

#include "sampling/bins.cl"

#if SIMT

// Words of a row's tallies: of each bin the count, and the sum's low and high half; the same of all odds; the length of the list.
// What the last bin has is not tallied: it is what the others leave.
#define LOW_AT BINS
#define HIGH_AT (2 * BINS)
#define ALL_AT (3 * BINS)
#define LISTED_AT (ALL_AT + 2)
#define TALLY_WORDS (LISTED_AT + 1)

static inline global uint *tallies_of(global const ulong *state) { return (global uint *)(state + SAMPLING_TALLIES_AT); }

static inline void clear_tallies(global ulong *state) {
  for (uint i = get_local_id(0); i < TALLY_WORDS; i += ROW_ITEMS) tallies_of(state)[i] = 0;
}

// Adds to a sum of 64 bits in two halves: whoever makes the low one overflow carries.
#define ADD_IN_HALVES(low, high, value)                                   \
  do {                                                                    \
    const uint added = (uint)(value);                                     \
    const uint carry = atomic_add(low, added) > UINT_MAX - added;         \
    atomic_add(high, (uint)((value) >> 32) + carry);                      \
  } while (0)

static inline ulong sum_of_odds(global const ulong *state) {
  global const uint *tallies = tallies_of(state);
  return (ulong)tallies[ALL_AT + 1] << 32 | tallies[ALL_AT];
}

// Counts and odds of each bin and all bins before it, for every work-item of a work-group.
typedef struct {
  local uint *counts;  // BINS
  local ulong *odds;   // BINS
  local uint *found;   // 4
} tally_sums;

#define DECLARE_TALLY_SUMS(name)                     \
  local uint name##_counts[BINS], name##_found[4];   \
  local ulong name##_odds[BINS];                     \
  const tally_sums name = {name##_counts, name##_odds, name##_found}

static inline uint count_before(const tally_sums *t, uint bin) { return bin > 0 ? t->counts[bin - 1] : 0; }
static inline ulong odds_before(const tally_sums *t, uint bin) { return bin > 0 ? t->odds[bin - 1] : 0; }

static inline void sum_tallies(const tally_sums *t, global const ulong *state) {
  global const uint *tallies = tallies_of(state);
  const uint item = get_local_id(0);
  uint count = tallies[item];
  ulong odds = (ulong)tallies[HIGH_AT + item] << 32 | tallies[LOW_AT + item];
  t->counts[item] = count;
  t->odds[item] = odds;
  if (item < 4) t->found[item] = BINS - 1;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint step = 1; step < BINS; step *= 2) {
    if (item >= step) {
      count += t->counts[item - step];
      odds += t->odds[item - step];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    t->counts[item] = count;
    t->odds[item] = odds;
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (item == BINS - 1) {
    t->counts[item] = UINT_MAX;
    t->odds[item] = sum_of_odds(state);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}

// The first bin with which the sums exceed a target, in `found`; the caller's barrier makes it visible.
static inline void find_count(const tally_sums *t, uint target, uint place) {
  const uint bin = get_local_id(0);
  if (count_before(t, bin) <= target && target < t->counts[bin]) t->found[place] = bin;
}
static inline void find_odds(const tally_sums *t, ulong target, uint place) {
  const uint bin = get_local_id(0);
  if (odds_before(t, bin) <= target && target < t->odds[bin]) t->found[place] = bin;
}

// Bins of whose keys one is a threshold.
typedef struct {
  uint of_count;                     // of the top_k-th key
  uint first_of_odds, last_of_odds;  // of top-p's, before top_k's is known
} threshold_bins;

static inline threshold_bins bins_of_threshold(const tally_sums *t, uint top_k, ulong fraction) {
  find_count(t, top_k - (top_k > 0), 0);
  barrier(CLK_LOCAL_MEM_FENCE);
  const uint bin = t->found[0];
  // Of the bin of the last that top-k leaves, one key or all may stay; the largest key always does.
  const ulong most = t->odds[top_k > 0 ? bin : BINS - 1];
  const ulong least = top_k > 0 ? max(odds_before(t, bin), (ulong)1) : most;
  find_odds(t, fraction > 0 ? target_of(least, fraction) : 0, 1);
  find_odds(t, fraction > 0 ? target_of(most, fraction) : 0, 2);
  barrier(CLK_LOCAL_MEM_FENCE);
  const threshold_bins bins = {bin, t->found[1], t->found[2]};
  return bins;
}

#endif
