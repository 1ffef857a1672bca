// Each block's largest key; WRONG_KEY where the block has a NaN or an infinity other than -INFINITY.
//
//   units   simt (blocks, rows), of BLOCK_ITEMS work-items; vector (PARTS, rows)

#include "sampling/row.cl"

#if SIMT
static inline void survey_body(global const float *logits, global ulong *state, uint vocabulary, uint unit, uint row,
                               local ulong *items) {
  const uint item = get_local_id(0);
  const uint length = block_length(vocabulary), end = min((unit + 1) * length, vocabulary);
  logits += (ulong)row * vocabulary;
  ulong best = 0;
  for (uint id = unit * length + item; id < end; id += BLOCK_ITEMS)
    best = max(best, logits[id] < INFINITY ? key_of(logits[id], id) : WRONG_KEY);
  items[item] = best;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint half_count = BLOCK_ITEMS / 2; half_count > 0; half_count /= 2) {
    if (item < half_count) items[item] = max(items[item], items[item + half_count]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (item == 0) state[(ulong)row * SAMPLING_STATE_LENGTH + unit] = items[0];
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

SAMPLING_KERNEL(BLOCK_ITEMS, survey) {
  SAMPLING_VIEWS;
#if SIMT
  local ulong items[BLOCK_ITEMS];
  survey_body(logits, state, vocabulary, x, row, items);
#else
  survey_body(logits, state, vocabulary, x, row);
#endif
}
