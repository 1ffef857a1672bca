// The sum of each part's odds at temperature 1, for log-probabilities and for top-p over the whole vocabulary; for the latter
// also by bins.
//
//   units   (PARTS, rows), of ROW_ITEMS work-items

#include "sampling/bins.cl"

static inline void mass_body(global const float *logits, global const sampling_row *rows, global ulong *state, uint vocabulary,
                             uint unit, uint row, SHARED ulong *items, SHARED uint *low_sums, SHARED uint *high_sums) {
  rows += row;
  logits += (ulong)row * vocabulary;
  state += (ulong)row * SAMPLING_STATE_LENGTH;
  const ulong best_key = largest_key(state, block_count(vocabulary), items);
  const bool is_needed = needs_mass(rows) && !is_wrong(best_key), with_bins = needs_bins(rows);
  const float best = logit_of(best_key);
  const uint length = block_length(vocabulary) * part_blocks(vocabulary);
  const uint begin = unit * length, end = is_needed ? min(begin + length, vocabulary) : 0;
  global ulong *bins = state + SAMPLING_BINS_AT + unit * BINS;
#if SIMT
  const uint item = get_local_id(0);
  if (item < BINS) low_sums[item] = high_sums[item] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  ulong sum = 0;
  for (uint id = begin + item; id < end; id += ROW_ITEMS) {
    const ulong odds = odds_of(logits[id], best);
    sum += odds;
    if (with_bins && odds > 0) {
      // A sum of 64 bits in two halves: whoever makes the low one overflow carries.
      const uint bin = bin_of(logits[id], best), low = (uint)odds;
      const uint carry = atomic_add(&low_sums[bin], low) > UINT_MAX - low;
      atomic_add(&high_sums[bin], (uint)(odds >> 32) + carry);
    }
  }
  items[item] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint half_count = ROW_ITEMS / 2; half_count > 0; half_count /= 2) {
    if (item < half_count) items[item] += items[item + half_count];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (item == 0) state[SAMPLING_SUMS_AT + unit] = items[0];
  if (with_bins && item < BINS) bins[item] = (ulong)high_sums[item] << 32 | low_sums[item];
#else
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
#endif
}

SAMPLING_KERNEL(ROW_ITEMS, mass) {
  SAMPLING_VIEWS;
#if SIMT
  local ulong items[ROW_ITEMS];
  local uint low[BINS], high[BINS];
  mass_body(logits, rows, state, vocabulary, x, row, items, low, high);
#else
  mass_body(logits, rows, state, vocabulary, x, row, 0, 0, 0);
#endif
}
