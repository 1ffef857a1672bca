// The least key that stays of each row that is drawn from: top-k, then top-p of what it leaves, then min-p, all at temperature 1
// (llama.cpp's order).
//
// In the vector style the kernel finds it. In the simt style every block lists its keys of the bins that decide it, and those
// that may be among the likeliest tokens; whoever needs it then searches these (sampling/listed.cl).
//
//   units   simt (blocks, rows), of ROW_ITEMS work-items; vector (1, rows)

#include "sampling/select.cl"

#if SIMT

static inline void threshold_body(global const float *logits, global const sampling_row *rows, global ulong *state,
                                  uint vocabulary, uint unit, uint row, const tally_sums *t, local ulong *items,
                                  local uint *places) {
  rows += row;
  state += (ulong)row * SAMPLING_STATE_LENGTH;
  const uint item = get_local_id(0), length = block_length(vocabulary), begin = unit * length;
  const uint end = needs_bins(rows) ? min(begin + length, vocabulary) : 0;
  const struct block_logits block = load_block(logits + (ulong)row * vocabulary, begin, end);
  const ulong best_key = largest_key(state, block_count(vocabulary), items);
  const float best = logit_of(best_key);
  const uint top_k = is_filtered(rows) ? rows->top_k : 0, wanted = rows->top_tokens;
  const ulong fraction = is_filtered(rows) ? (ulong)rows->top_p << 32 : 0;
  if (item == 0) places[0] = 0;
  sum_tallies(t, state);
  const threshold_bins bins = bins_of_threshold(t, top_k, fraction);
  find_count(t, wanted - (wanted > 0), 3);
  barrier(CLK_LOCAL_MEM_FENCE);
  const uint last_wanted = t->found[3];
  uint listed = 0;
#pragma unroll
  for (uint i = 0; i < BLOCK_LOGITS; ++i) {
    if (!(block.x[i] > -INFINITY) || is_wrong(best_key)) continue;
    const uint bin = bin_of(block.x[i], best);
    const bool is_listed = (top_k > 0 && bin == bins.of_count) || (wanted > 0 && bin <= last_wanted) ||
                           (fraction > 0 && bin >= bins.first_of_odds && bin <= bins.last_of_odds);
    listed |= (uint)is_listed << i;
  }
  // Places for the work-item's keys in those of the block, then for the block's in the list.
  const uint place = atomic_add(&places[0], popcount(listed));
  barrier(CLK_LOCAL_MEM_FENCE);
  if (item == 0 && places[0] > 0) places[1] = atomic_add(tallies_of(state) + LISTED_AT, places[0]);
  barrier(CLK_LOCAL_MEM_FENCE);
  uint next = listed ? places[1] + place : 0;
#pragma unroll
  for (uint i = 0; i < BLOCK_LOGITS; ++i)
    if ((listed >> i & 1) && next < SAMPLING_LISTED)
      state[SAMPLING_LIST_AT + next++] = key_of(block.x[i], begin + i * ROW_ITEMS + item);
}

#else

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
  for (uint bin = 0; bin < bins; ++bin) {
    ulong sum = 0;
    for (uint part = 0; part < PARTS; ++part) sum += state[SAMPLING_BINS_AT + part * BINS + bin];
    s->at.cells[bin] = sum;
  }
  locate(&s->at, bins, 0, fraction);
  const ulong odds = *s->at.target;
  const ulong floor = bins > 0 ? max(key_of(bin_floor(*s->at.index, best), UINT_MAX), LEAST_KEY) : LEAST_KEY;
  ulong threshold = select_largest(s, &row, top_k, fraction > 0, odds, bins > 0 ? 0 : fraction, floor);
  if (is_drawn) threshold = max(threshold, least_key(rows, best));
  state[SAMPLING_BEST_AT] = row.best;
  state[SAMPLING_THRESHOLD_AT] = threshold;
}

#endif

SAMPLING_KERNEL(ROW_ITEMS, threshold) {
  SAMPLING_VIEWS;
#if SIMT
  DECLARE_TALLY_SUMS(t);
  local ulong items[ROW_ITEMS];
  local uint places[2];
  threshold_body(logits, rows, state, vocabulary, x, row, &t, items, places);
#else
  DECLARE_SELECTION(s);
  threshold_body(logits, rows, state, vocabulary, row, &s);
#endif
}
