// The sum of all odds at temperature 1, for log-probabilities and for top-p; and by bins, where a threshold needs them.
//
//   units   simt (blocks, rows), of ROW_ITEMS work-items: adds to the row's tallies; vector (PARTS, rows): each part's sums

#include "sampling/tallies.cl"

#if SIMT

static inline void mass_body(global const float *logits, global const sampling_row *rows, global ulong *state, uint vocabulary,
                             uint unit, uint row, local ulong *items, local uint *counts, local uint *low, local uint *high) {
  rows += row;
  state += (ulong)row * SAMPLING_STATE_LENGTH;
  const uint item = get_local_id(0), length = block_length(vocabulary), begin = unit * length;
  const bool is_needed = needs_mass(rows), with_bins = needs_bins(rows);
  const uint end = is_needed ? min(begin + length, vocabulary) : 0;
  const struct block_logits block = load_block(logits + (ulong)row * vocabulary, begin, end);
  const ulong best_key = largest_key(state, block_count(vocabulary), items);
  const float best = logit_of(best_key);
  counts[item] = low[item] = high[item] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  ulong sum = 0;
#pragma unroll
  for (uint i = 0; i < BLOCK_LOGITS; ++i) {
    if (!(block.x[i] > -INFINITY) || is_wrong(best_key)) continue;
    const ulong odds = odds_of(block.x[i], best);
    sum += odds;
    const uint bin = bin_of(block.x[i], best);
    if (!with_bins || bin >= BINS - 1) continue;
    atomic_inc(&counts[bin]);
    ADD_IN_HALVES(&low[bin], &high[bin], odds);
  }
  sum = sum_of_items(sum, items);
  global uint *tallies = tallies_of(state);
  if (item == 0 && sum > 0) ADD_IN_HALVES(tallies + ALL_AT, tallies + ALL_AT + 1, sum);
  if (counts[item] > 0) {
    const ulong odds = (ulong)high[item] << 32 | low[item];
    atomic_add(tallies + item, counts[item]);
    ADD_IN_HALVES(tallies + LOW_AT + item, tallies + HIGH_AT + item, odds);
  }
}

#else

static inline void mass_body(global const float *logits, global const sampling_row *rows, global ulong *state, uint vocabulary,
                             uint unit, uint row) {
  rows += row;
  logits += (ulong)row * vocabulary;
  state += (ulong)row * SAMPLING_STATE_LENGTH;
  const ulong best_key = largest_key(state, block_count(vocabulary), 0);
  const bool is_needed = needs_mass(rows) && !is_wrong(best_key), with_bins = needs_bins(rows);
  const float best = logit_of(best_key);
  const uint length = block_length(vocabulary) * part_blocks(vocabulary);
  const uint begin = unit * length, end = is_needed ? min(begin + length, vocabulary) : 0;
  global ulong *bins = state + SAMPLING_BINS_AT + unit * BINS;
  ulong16 sums = 0;
  ulong bin_sums[BINS];
  for (uint bin = 0; bin < BINS; ++bin) bin_sums[bin] = 0;
  for (uint id = begin; id < end; id += LANES) {
    const float16 x = load_logits(logits, id, end);
    const ulong16 odds = odds_of(x, best);
    sums += odds;
    if (!with_bins) continue;
    ulong each[LANES];
    float each_logit[LANES];
    vstore16(odds, 0, each);
    vstore16(x, 0, each_logit);
    for (uint i = 0; i < LANES; ++i)
      if (each[i] > 0) bin_sums[bin_of(each_logit[i], best)] += each[i];
  }
  state[SAMPLING_SUMS_AT + unit] = sum_of_ulongs(sums);
  if (with_bins)
    for (uint bin = 0; bin < BINS; ++bin) bins[bin] = bin_sums[bin];
}

#endif

SAMPLING_KERNEL(ROW_ITEMS, mass) {
  SAMPLING_VIEWS;
#if SIMT
  local ulong items[ROW_ITEMS];
  local uint counts[BINS], low[BINS], high[BINS];
  mass_body(logits, rows, state, vocabulary, x, row, items, counts, low, high);
#else
  mass_body(logits, rows, state, vocabulary, x, row);
#endif
}
