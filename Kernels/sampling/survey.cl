// Each block's largest key; WRONG_KEY where the block has a NaN or an infinity other than -INFINITY.
//
//   units   simt (blocks, rows), of ROW_ITEMS work-items; vector (PARTS, rows)

#include "sampling/tallies.cl"

#if SIMT
static inline void survey_body(global const float *logits, global ulong *state, uint vocabulary, uint unit, uint row,
                               local ulong *items) {
  const uint item = get_local_id(0), length = block_length(vocabulary), begin = unit * length;
  const uint end = min(begin + length, vocabulary);
  const struct block_logits block = load_block(logits + (ulong)row * vocabulary, begin, end);
  state += (ulong)row * SAMPLING_STATE_LENGTH;
  if (unit == 0) clear_tallies(state);
  ulong best = 0;
#pragma unroll
  for (uint i = 0; i < BLOCK_LOGITS; ++i) {
    const uint id = begin + i * ROW_ITEMS + item;
    if (id < end) best = max(best, block.x[i] < INFINITY ? key_of(block.x[i], id) : WRONG_KEY);
  }
  best = largest_of_items(best, items);
  if (item == 0) state[unit] = best;
}
#else
static inline void survey_body(global const float *logits, global ulong *state, uint vocabulary, uint unit, uint row) {
  const uint length = block_length(vocabulary), count = part_blocks(vocabulary);
  const uint last = min((unit + 1) * count, block_count(vocabulary));
  logits += (ulong)row * vocabulary;
  state += (ulong)row * SAMPLING_STATE_LENGTH;
  for (uint block = unit * count; block < last; ++block) {
    const uint begin = block * length, end = min(begin + length, vocabulary);
    float16 best = -INFINITY;
    uint16 at = begin + FIRST_16;
    int16 is_right = -1;
    for (uint id = begin; id < end; id += LANES) {
      const float16 x = load_logits(logits, id, end);
      is_right &= x < INFINITY;
      const int16 is_better = x > best;
      best = is_better ? x : best;
      at = is_better ? id + FIRST_16 : at;
    }
    const float8 a = max(best.lo, best.hi);
    const float4 b = max(a.lo, a.hi);
    const float2 c = max(b.lo, b.hi);
    const float largest = max(c.lo, c.hi);
    const uint16 ids = best == largest ? at : (uint16)UINT_MAX;
    const uint8 d = min(ids.lo, ids.hi);
    const uint4 e = min(d.lo, d.hi);
    const uint2 f = min(e.lo, e.hi);
    state[block] = all(is_right) ? key_of(largest, min(f.lo, f.hi)) : WRONG_KEY;
  }
}
#endif

SAMPLING_KERNEL(ROW_ITEMS, survey) {
  SAMPLING_VIEWS;
#if SIMT
  local ulong items[ROW_ITEMS];
  survey_body(logits, state, vocabulary, x, row, items);
#else
  survey_body(logits, state, vocabulary, x, row);
#endif
}
