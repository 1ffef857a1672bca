// The least key that stays of each row that is drawn from: top-k, then top-p of what it leaves, then min-p, all at temperature 1
// (llama.cpp's order).
//
//   units   (1, rows), of ROW_ITEMS work-items

#include "sampling/bins.cl"
#include "sampling/select.cl"

static inline void threshold_body(global const float *logits, global const sampling_row *rows, global ulong *state,
                                  uint vocabulary, uint unit, const selection *s) {
  rows += unit;
  state += (ulong)unit * SAMPLING_STATE_LENGTH;
  selected_row row = {logits + (ulong)unit * vocabulary, state, vocabulary, 0};
  row.best = largest_key(state, block_count(vocabulary), s->at.sums);
  const float best = logit_of(row.best);
  const bool is_drawn = !(rows->flags & GREEDY) && !is_wrong(row.best);
  const uint top_k = is_drawn ? rows->top_k : 0;
  const ulong fraction = is_drawn ? (ulong)rows->top_p << 32 : 0;
  // Top-p over the whole vocabulary: the sum of all odds tells how much must stay, and the bins where to search.
  const uint bins = fraction > 0 && needs_bins(rows) ? BINS : 0;
  for (uint bin = get_local_id(0); bin < bins; bin += ROW_ITEMS) {
    ulong sum = 0;
    for (uint part = 0; part < PARTS; ++part) sum += state[SAMPLING_BINS_AT + part * BINS + bin];
    s->at.cells[bin] = sum;
  }
  locate(&s->at, bins, 0, fraction);
  const ulong odds = *s->at.target;
  const ulong floor = bins > 0 ? max(key_of(bin_floor(*s->at.index, best), UINT_MAX), LEAST_KEY) : LEAST_KEY;
  ulong threshold = select_largest(s, &row, top_k, fraction > 0, odds, bins > 0 ? 0 : fraction, floor);
  if (is_drawn && rows->min_p > -INFINITY) threshold = max(threshold, key_of(best + rows->min_p, UINT_MAX));
  if (get_local_id(0) == 0) {
    state[SAMPLING_BEST_AT] = row.best;
    state[SAMPLING_THRESHOLD_AT] = threshold;
  }
}

SAMPLING_KERNEL(ROW_ITEMS, threshold) {
  SAMPLING_VIEWS;
  DECLARE_SELECTION(s);
  threshold_body(logits, rows, state, vocabulary, row, &s);
}
