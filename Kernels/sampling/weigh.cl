// The sum of each block's weights, of the tokens that stay at the row's temperature.
//
//   units   simt (blocks, rows), of BLOCK_ITEMS work-items; vector (PARTS, rows)

#include "sampling/row.cl"

static inline void weigh_body(global const float *logits, global const sampling_row *rows, global ulong *state,
                              uint vocabulary, uint unit, uint row, SHARED ulong *items) {
  logits += (ulong)row * vocabulary;
  state += (ulong)row * SAMPLING_STATE_LENGTH;
  const ulong threshold = state[SAMPLING_THRESHOLD_AT], best_key = state[SAMPLING_BEST_AT];
  const bool is_drawn = !(rows[row].flags & GREEDY) && !is_wrong(best_key);
  const float best = logit_of(best_key), inverse = rows[row].inverse_temperature;
  const uint length = block_length(vocabulary);
#if SIMT
  const uint item = get_local_id(0), end = is_drawn && state[unit] >= threshold ? min((unit + 1) * length, vocabulary) : 0;
  ulong sum = 0;
  for (uint id = unit * length + item; id < end; id += BLOCK_ITEMS)
    sum += weights_of(logits[id], id, best, threshold, inverse);
  items[item] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint half_count = BLOCK_ITEMS / 2; half_count > 0; half_count /= 2) {
    if (item < half_count) items[item] += items[item + half_count];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (item == 0) state[SAMPLING_WEIGHTS_AT + unit] = items[0];
#else
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
#endif
}

SAMPLING_KERNEL(BLOCK_ITEMS, weigh) {
  SAMPLING_VIEWS;
#if SIMT
  local ulong items[BLOCK_ITEMS];
  weigh_body(logits, rows, state, vocabulary, x, row, items);
#else
  weigh_body(logits, rows, state, vocabulary, x, row, 0);
#endif
}
