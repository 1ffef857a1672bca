// Each row's token, and its log-probability: the largest logit's, or one drawn by its weight.
//
// The draw is the inverse of the cumulative distribution in the order of ids, at a number of 64 bits that the row's seed and
// position alone decide.
//
//   units   (1, rows), of ROW_ITEMS work-items

#include "sampling/locate.cl"
#include "sampling/probability.cl"

// Philox4x32-10 (Salmon et al. 2011): the first 64 of the bits that the key `seed` has at the counter `position`.
static inline ulong random_bits(ulong seed, ulong position) {
  uint4 counter = (uint4)((uint)position, (uint)(position >> 32), 0, 0);
  uint2 key = (uint2)((uint)seed, (uint)(seed >> 32));
  for (int round = 0; round < 10; ++round) {
    const uint2 high = mul_hi((uint2)(0xd2511f53u, 0xcd9e8d57u), counter.xz);
    const uint2 low = (uint2)(0xd2511f53u, 0xcd9e8d57u) * counter.xz;
    counter = (uint4)(high.y ^ counter.y ^ key.x, low.y, high.x ^ counter.w ^ key.y, low.x);
    key += (uint2)(0x9e3779b9u, 0xbb67ae85u);
  }
  return (ulong)counter.y << 32 | counter.x;
}

static inline void draw_body(global const float *logits, global const sampling_row *rows, global const ulong *state,
                             global sampled_row *results, uint vocabulary, uint unit, const located *at) {
  rows += unit;
  logits += (ulong)unit * vocabulary;
  state += (ulong)unit * SAMPLING_STATE_LENGTH;
  const uint length = block_length(vocabulary), item = get_local_id(0);
  const ulong best_key = largest_key(state, block_count(vocabulary), at->sums);
  const bool is_right = !is_wrong(best_key), is_drawn = is_right && !(rows->flags & GREEDY);
  const float best = logit_of(best_key), inverse = rows->inverse_temperature;
  const ulong threshold = is_drawn ? state[SAMPLING_THRESHOLD_AT] : 0;
  // Where nothing is drawn there are no cells: no work-item leaves the others alone at a barrier.
  const uint blocks = is_drawn ? block_count(vocabulary) : 0;
  for (uint i = item; i < blocks; i += ROW_ITEMS) at->cells[i] = state[SAMPLING_WEIGHTS_AT + i];
  locate(at, blocks, 0, random_bits(rows->seed, rows->position));
  const uint begin = *at->index * length, end = is_drawn ? min(begin + length, vocabulary) : 0;
  const ulong rest = *at->target - *at->before;
#if SIMT
  for (uint id = begin + item; id < end; id += ROW_ITEMS)
    at->cells[id - begin] = weights_of(logits[id], id, best, threshold, inverse);
#else
  for (uint id = begin; id < end; id += LANES) {
    const ulong16 weights = weights_of(load_logits(logits, id, end), id + FIRST_16, best, threshold, inverse);
    vstore16(weights, 0, at->cells + (id - begin));
  }
#endif
  locate(at, is_drawn ? end - begin : 0, rest, 0);
  if (item == 0) {
    sampled_row result = {is_drawn ? begin + *at->index : id_of(best_key), 0, is_right ? 0 : SAMPLING_NOT_FINITE, 0};
    if (is_right && (rows->flags & LOG_PROBABILITIES))
      result.log_probability = log_probability(logits[result.token], best, sum_of_odds(state));
    results[unit] = result;
  }
}

SAMPLING_KERNEL(ROW_ITEMS, draw) {
  SAMPLING_VIEWS;
  DECLARE_LOCATED(at, BLOCKS);
  draw_body(logits, rows, state, VIEW(sampled_row, 3, results), vocabulary, row, &at);
}
