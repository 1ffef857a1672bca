// The likeliest tokens of each row that asks for them, with their log-probabilities; the lower id first among equals, and
// UINT_MAX in the place of a token where the row has no more.
//
//   views   results (rows, limit, 2): an id, and the bits of its log-probability
//   units   (1, rows), of ROW_ITEMS work-items

#include "sampling/probability.cl"
#include "sampling/select.cl"

static inline void top_tokens_body(global const float *logits, global const sampling_row *rows, global const ulong *state,
                                   global uint *tokens, uint vocabulary, uint limit, uint unit, const selection *s) {
  rows += unit;
  const uint item = get_local_id(0), wanted = min(rows->top_tokens, limit);
  logits += (ulong)unit * vocabulary;
  state += (ulong)unit * SAMPLING_STATE_LENGTH;
  tokens += (ulong)unit * limit * 2;
  selected_row row = {logits, state, vocabulary, 0};
  row.best = largest_key(state, block_count(vocabulary), s->at.sums);
  const bool is_right = wanted > 0 && !is_wrong(row.best);
  const ulong first = select_largest(s, &row, is_right ? wanted : 0, false, 0, 0, LEAST_KEY);
  const uint bits = block_bits(vocabulary);
  // At most `wanted` keys are that large. They are gathered in any order and then ranked.
  SHARED ulong *keys = s->at.cells;
#if SIMT
  list_blocks(s, &row, first);
  if (item == 0) s->counts[0] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint i = item; i < *s->active_count << bits; i += ROW_ITEMS) {
    const uint id = listed_id(s, i, bits);
    if (is_right && id < vocabulary && key_of(logits[id], id) >= first) keys[atomic_inc(&s->counts[0])] = key_of(logits[id], id);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const uint count = s->counts[0];
#else
  uint count = 0;
  for (uint block = 0; block < block_count(vocabulary); ++block) {
    const uint end = min((block + 1) << bits, vocabulary);
    if (!is_right || state[block] < first) continue;
    for (uint id = block << bits; id < end; ++id)
      if (key_of(logits[id], id) >= first) keys[count++] = key_of(logits[id], id);
  }
#endif
  for (uint i = count + item; i < limit; i += ROW_ITEMS) tokens[i * 2] = UINT_MAX;
  const ulong sum = sum_of_parts(state);
  for (uint i = item; i < count; i += ROW_ITEMS) {
    uint rank = 0;
    for (uint j = 0; j < count; ++j) rank += keys[j] > keys[i];
    const uint id = id_of(keys[i]);
    tokens[rank * 2] = id;
    tokens[rank * 2 + 1] = as_uint(log_probability(logits[id], logit_of(row.best), sum));
  }
}

SAMPLING_KERNEL(ROW_ITEMS, top_tokens) {
  SAMPLING_VIEWS;
  DECLARE_SELECTION(s);
  top_tokens_body(logits, rows, state, VIEW(uint, 3, results), vocabulary, a->limit, row, &s);
}
