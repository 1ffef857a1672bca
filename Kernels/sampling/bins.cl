// Which rows need the sum of all odds, and of which by bins of a quarter of a nat below the row's largest logit: those tell
// roughly where the threshold of top-p over the whole vocabulary is.

#pragma once

#include "sampling/row.cl"

static inline bool needs_bins(global const sampling_row *row) {
  return !(row->flags & GREEDY) && row->top_p > 0 && row->top_k == 0;
}
static inline bool needs_mass(global const sampling_row *row) {
  return (row->flags & LOG_PROBABILITIES) || needs_bins(row);
}

#define BINS_PER_NAT 4.0f
static inline uint bin_of(float logit, float best) { return (uint)min((best - logit) * BINS_PER_NAT, BINS - 1.0f); }

// A logit under all those of bins 0 to `bin`.
static inline float bin_floor(uint bin, float best) {
  return bin + 1 < BINS ? best - (bin + 2) / BINS_PER_NAT : -INFINITY;
}
