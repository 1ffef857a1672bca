// Log-probabilities, from the odds that mass.cl sums.

#pragma once

#include "sampling/tallies.cl"

#if !SIMT
static inline ulong sum_of_odds(global const ulong *state) {
  ulong sum = 0;
  for (uint part = 0; part < PARTS; ++part) sum += state[SAMPLING_SUMS_AT + part];
  return sum;
}
#endif

// The logarithm of a token's share of all odds at temperature 1.
static inline float log_probability(float logit, float best, ulong sum) {
  const float total = convert_float(sum) * 0x1p-42f;
  return logit - best - FIRST_LANE(logarithm((lanes_f)total));
}
