// The likeliest tokens of each row that asks for them, with their log-probabilities; the lower id first among equals, and
// UINT_MAX in the place of a token where the row has no more.
//
//   views   results (rows, limit, 2): an id, and the bits of its log-probability
//   units   (1, rows), of ROW_ITEMS work-items

#include "sampling/probability.cl"
#include "sampling/listed.cl"

// Ranks `count` keys and reports them.
INLINE void report_tokens(SHARED const ulong *keys, uint count, global const float *logits, float best, ulong sum,
                                 global uint *tokens, uint limit) {
  for (uint i = count + get_local_id(0); i < limit; i += ROW_ITEMS) tokens[i * 2] = UINT_MAX;
  for (uint i = get_local_id(0); i < count; i += ROW_ITEMS) {
    uint rank = 0;
    for (uint j = 0; j < count; ++j) rank += keys[j] > keys[i];
    const uint id = id_of(keys[i]);
    tokens[rank * 2] = id;
    tokens[rank * 2 + 1] = as_uint(log_probability(logits[id], best, sum));
  }
}

#if SIMT

static inline void top_tokens_body(global const float *logits, global const sampling_row *rows, global const ulong *state,
                                   global uint *tokens, uint vocabulary, uint limit, uint unit, const selection *s,
                                   const tally_sums *t) {
  rows += unit;
  const uint item = get_local_id(0), wanted = min(rows->top_tokens, limit);
  logits += (ulong)unit * vocabulary;
  state += (ulong)unit * SAMPLING_STATE_LENGTH;
  const ulong best = largest_key(state, block_count(vocabulary), s->at.sums);
  selected_row row = LISTED_KEYS(logits, state, vocabulary, best);
  const bool is_right = wanted > 0 && !is_wrong(row.best);
  sum_tallies(t, state);
  find_count(t, wanted - (wanted > 0), 0);
  barrier(CLK_LOCAL_MEM_FENCE);
  const ulong first = select_of_bins(s, &row, is_right, OF_COUNT, 0, t->found[0], LEAST_KEY, wanted - 1);
  // At most `wanted` keys are that large. They are gathered in any order and then ranked.
  local ulong *keys = s->at.cells;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (item == 0) s->counts[0] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  const uint listed = is_right ? key_count(&row) : 0;
  for (uint i = item; i < listed; i += ROW_ITEMS)
    if (key_at(&row, i) >= first) keys[atomic_inc(&s->counts[0])] = key_at(&row, i);
  barrier(CLK_LOCAL_MEM_FENCE);
  report_tokens(keys, s->counts[0], logits, logit_of(row.best), sum_of_odds(state), tokens + (ulong)unit * limit * 2, limit);
}

#else

static inline void top_tokens_body(global const float *logits, global const sampling_row *rows, global const ulong *state,
                                   global uint *tokens, uint vocabulary, uint limit, uint unit, const selection *s) {
  const uint wanted = min(rows[unit].top_tokens, limit), bits = block_bits(vocabulary);
  logits += (ulong)unit * vocabulary;
  state += (ulong)unit * SAMPLING_STATE_LENGTH;
  selected_row row = {logits, state, vocabulary, 0};
  row.best = largest_key(state, block_count(vocabulary), s->at.sums);
  const bool is_right = wanted > 0 && !is_wrong(row.best);
  const ulong first = select_largest(s, &row, is_right ? wanted : 0, false, 0, 0, LEAST_KEY);
  // At most `wanted` keys are that large. They are gathered and then ranked.
  ulong *keys = s->at.cells;
  uint count = 0;
  for (uint block = 0; block < block_count(vocabulary); ++block) {
    const uint end = min((block + 1) << bits, vocabulary);
    if (!is_right || state[block] < first) continue;
    for (uint id = block << bits; id < end; ++id)
      if (key_of(logits[id], id) >= first) keys[count++] = key_of(logits[id], id);
  }
  report_tokens(keys, count, logits, logit_of(row.best), sum_of_odds(state), tokens + (ulong)unit * limit * 2, limit);
}

#endif

SAMPLING_KERNEL(ROW_ITEMS, top_tokens) {
  SAMPLING_VIEWS;
  DECLARE_SELECTION(s);
#if SIMT
  DECLARE_TALLY_SUMS(t);
  top_tokens_body(logits, rows, state, VIEW(uint, 3, results), vocabulary, a->limit, row, &s, &t);
#else
  top_tokens_body(logits, rows, state, VIEW(uint, 3, results), vocabulary, a->limit, row, &s);
#endif
}
