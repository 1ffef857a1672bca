// Simt style: searches among the keys that threshold.cl has listed for a row.

#pragma once

#include "sampling/select.cl"

#if SIMT

// The range in which all keys of some bins are, and the search in them: the answer is `least` or more. What is not wanted is searched
// among nothing: no work-item leaves the others alone at a barrier.
//
// Inlined always: of a function of its own that has them, PoCL 3.1 leaves local arrays to be shared by all work-groups.
__attribute__((always_inline)) static inline ulong select_of_bins(const selection *s, selected_row *row, bool is_wanted, uint kind,
                                                                  uint first_bin, uint last_bin, ulong least, ulong value) {
  const float best = logit_of(row->best);
  row->first_bin = first_bin;
  row->last_bin = last_bin;
  const ulong first = max(key_of(bin_floor(last_bin, best), UINT_MAX), least);
  const ulong last = first_bin > 0 ? key_of(best - (first_bin - 1) / BINS_PER_NAT, 0) : row->best;
  return select_key(s, row, kind, is_wanted ? first : row->best, min(last, row->best), value, 0);
}

// The keys of a row's list, to initialize a selected_row.
#define LISTED_KEYS(logits, state, vocabulary, best) \
  {logits, state + SAMPLING_LIST_AT, vocabulary, tallies_of(state)[LISTED_AT], 0, 0, best}

// The threshold of the row's top-k and top-p; `is_wanted` only where it has one of them.
static inline ulong row_threshold(const selection *s, selected_row *row, const tally_sums *t, const threshold_bins *bins,
                                  bool is_wanted, uint top_k, ulong fraction) {
  const bool by_count = is_wanted && top_k > 0, by_odds = is_wanted && fraction > 0;
  const uint count_bin = bins->of_count;
  ulong threshold = select_of_bins(s, row, by_count, OF_COUNT, count_bin, count_bin, LEAST_KEY,
                                   by_count ? top_k - 1 - count_before(t, count_bin) : 0);
  if (!by_count) threshold = LEAST_KEY;
  // The odds of what stays, of the bin that is cut.
  const float best = logit_of(row->best);
  const uint cut = by_count && by_odds ? key_count(row) : 0;
  ulong own = 0;
  for (uint i = get_local_id(0); i < cut; i += ROW_ITEMS) {
    const ulong key = key_at(row, i);
    if (key >= threshold && is_searched(row, key)) own += odds_of(logit_of(key), best);
  }
  own = sum_of_items(own, s->at.sums);
  const ulong total = by_count ? odds_before(t, count_bin) + own : t->odds[BINS - 1];
  const ulong target = by_odds ? target_of(total, fraction) : 0;
  find_odds(t, target, 3);
  barrier(CLK_LOCAL_MEM_FENCE);
  const uint odds_bin = min(t->found[3], by_count ? count_bin : BINS - 1);
  const ulong by_mass =
      select_of_bins(s, row, by_odds, OF_ODDS, odds_bin, odds_bin, threshold, target - odds_before(t, odds_bin));
  return by_odds ? by_mass : threshold;
}

#endif
