// The sum of each block's weights, of the tokens that stay at the row's temperature.
//
// In the simt style each block whose largest key may stay finds the row's threshold first: of a row that is drawn from, these are
// few, and all find the same.
//
//   units   simt (blocks, rows), of ROW_ITEMS work-items; vector (PARTS, rows)

#include "sampling/listed.cl"

#if SIMT

static inline void weigh_body(global const float *logits, global const sampling_row *rows, global ulong *state,
                              uint vocabulary, uint unit, uint row, const selection *s, const tally_sums *t) {
  rows += row;
  logits += (ulong)row * vocabulary;
  state += (ulong)row * SAMPLING_STATE_LENGTH;
  const uint item = get_local_id(0), length = block_length(vocabulary), begin = unit * length;
  const bool is_drawn = !(rows->flags & GREEDY);
  const struct block_logits block = load_block(logits, begin, is_drawn ? min(begin + length, vocabulary) : 0);
  const ulong best_key = largest_key(state, block_count(vocabulary), s->at.sums), own = state[unit];
  const float best = logit_of(best_key), inverse = rows->inverse_temperature;
  ulong sum = 0;
  if (is_drawn && !is_wrong(best_key)) {
    ulong threshold = least_key(rows, best);
    bool may_stay = own >= threshold;
    if (is_filtered(rows)) {
      sum_tallies(t, state);
      const ulong fraction = (ulong)rows->top_p << 32;
      const threshold_bins bins = bins_of_threshold(t, rows->top_k, fraction);
      may_stay &= bin_of(logit_of(own), best) <= (fraction > 0 ? bins.last_of_odds : bins.of_count);
      selected_row keys = LISTED_KEYS(logits, state, vocabulary, best_key);
      threshold = max(threshold, row_threshold(s, &keys, t, &bins, may_stay, rows->top_k, fraction));
    }
    if (may_stay) {
#pragma unroll
      for (uint i = 0; i < BLOCK_LOGITS; ++i)
        sum += weights_of(block.x[i], begin + i * ROW_ITEMS + item, best, threshold, inverse);
    }
    if (item == 0 && unit == id_of(best_key) / length) {
      state[SAMPLING_BEST_AT] = best_key;
      state[SAMPLING_THRESHOLD_AT] = threshold;
    }
  }
  sum = sum_of_items(sum, s->at.sums);
  if (item == 0) state[SAMPLING_WEIGHTS_AT + unit] = sum;
}

#else

static inline void weigh_body(global const float *logits, global const sampling_row *rows, global ulong *state,
                              uint vocabulary, uint unit, uint row) {
  logits += (ulong)row * vocabulary;
  state += (ulong)row * SAMPLING_STATE_LENGTH;
  const ulong threshold = state[SAMPLING_THRESHOLD_AT], best_key = state[SAMPLING_BEST_AT];
  const bool is_drawn = !(rows[row].flags & GREEDY) && !is_wrong(best_key);
  const float best = logit_of(best_key), inverse = rows[row].inverse_temperature;
  const uint length = block_length(vocabulary);
  const uint count = part_blocks(vocabulary), last = min((unit + 1) * count, block_count(vocabulary));
  for (uint block = unit * count; block < last; ++block) {
    ulong16 sums = 0;
    if (is_drawn && state[block] >= threshold) {
      const uint end = min((block + 1) * length, vocabulary);
      for (uint id = block * length; id < end; id += LANES)
        sums += weights_of(load_logits(logits, id, end), id + FIRST_16, best, threshold, inverse);
    }
    state[SAMPLING_WEIGHTS_AT + block] = sum_of_ulongs(sums);
  }
}

#endif

SAMPLING_KERNEL(ROW_ITEMS, weigh) {
  SAMPLING_VIEWS;
#if SIMT
  DECLARE_SELECTION(s);
  DECLARE_TALLY_SUMS(t);
  weigh_body(logits, rows, state, vocabulary, x, row, &s, &t);
#else
  weigh_body(logits, rows, state, vocabulary, x, row);
#endif
}
