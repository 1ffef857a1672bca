// Which rows need the sum of all odds, and what of their logits by bins below the row's largest: those tell roughly where a
// threshold is. A bin is a quarter of a nat in the vector style, which has them for top-p over the whole vocabulary alone; in the
// simt style an eighth, for every filter.

#pragma once

#include "sampling/row.cl"

#if SIMT
#define BINS ROW_ITEMS
#define BINS_PER_NAT 8.0f
#else
#define BINS SAMPLING_BINS
#define BINS_PER_NAT 4.0f
#endif

static inline bool is_filtered(global const sampling_row *row) {
  return !(row->flags & GREEDY) && (row->top_p > 0 || row->top_k > 0);
}
static inline bool needs_bins(global const sampling_row *row) {
#if SIMT
  return is_filtered(row) || row->top_tokens > 0;
#else
  return is_filtered(row) && row->top_k == 0;
#endif
}
static inline bool needs_mass(global const sampling_row *row) {
  return (row->flags & LOG_PROBABILITIES) || needs_bins(row);
}

// The least key that min-p leaves.
static inline ulong least_key(global const sampling_row *row, float best) {
  return row->min_p > -INFINITY ? key_of(best + row->min_p, UINT_MAX) : LEAST_KEY;
}

static inline uint bin_of(float logit, float best) { return (uint)min((best - logit) * BINS_PER_NAT, BINS - 1.0f); }

// A logit under all those of bins 0 to `bin`.
static inline float bin_floor(uint bin, float best) {
  return bin + 1 < BINS ? best - (bin + 2) / BINS_PER_NAT : -INFINITY;
}

// Of a total, the target of which more must stay for the fraction: the least sum that is fraction / 2^64 of it or more, less one.
static inline ulong target_of(ulong total, ulong fraction) { return mul_hi(total, fraction) - (total * fraction == 0); }
