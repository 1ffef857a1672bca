// What changes logits before anything is chosen, in place and in this order: bias, penalties, mask.
//
//   inputs: SamplingRequest's words: rows' parameters, then lists of (row, id, value), each id once a row
//
// global size of `bias` and `penalize` (count, rounded up to 64), of `mask`: simt (vocabulary, rounded up to 64, rows), vector
// (PARTS, rows); local size (64, 1), of `mask` in the vector style (1, 1).

#include "sampling/row.cl"

// logit += value
kernel __attribute__((reqd_work_group_size(64, 1, 1))) void bias(
    global float *restrict logits, global const uint *restrict inputs, const uint offset, const uint count,
    const uint vocabulary) {
  if (get_global_id(0) >= count) return;
  global const uint *entry = inputs + offset + get_global_id(0) * 3;
  logits[(ulong)entry[0] * vocabulary + entry[1]] += as_float(entry[2]);
}

// Repetition: a positive logit is divided by the penalty, another multiplied by it (Keskar et al. 2019). Then, as OpenAI's API
// defines them, the presence penalty is taken away if the token was generated at all, the frequency penalty as often as it was.
// The value is that count, 0 for a token of the prompt alone; its highest bit says whether the token is one that repetition is for.
kernel __attribute__((reqd_work_group_size(64, 1, 1))) void penalize(
    global float *restrict logits, global const uint *restrict inputs, const uint offset, const uint length,
    const uint vocabulary) {
  if (get_global_id(0) >= length) return;
  global const uint *entry = inputs + offset + get_global_id(0) * 3;
  global const sampling_row *row = (global const sampling_row *)inputs + entry[0];
  logits += (ulong)entry[0] * vocabulary + entry[1];
  const uint count = entry[2] & 0x7fffffffu;
  float logit = *logits;
  if (entry[2] >> 31) logit *= logit > 0.0f ? row->inverse_repetition : row->repetition;
  if (count > 0) logit = (logit - (float)count * row->frequency) - row->presence;
  *logits = logit;
}

// Tokens without a bit in the row's mask (words of 32 bits, the lowest first) become impossible.
static inline void mask_body(global float *logits, global const uint *inputs, uint offset, uint vocabulary, uint unit, uint row) {
  const uint mask = ((global const sampling_row *)inputs)[row].mask;
  if (mask == UINT_MAX) return;
  inputs += offset + (ulong)mask * ((vocabulary + 31) / 32);
  logits += (ulong)row * vocabulary;
#if SIMT
  if (unit < vocabulary && !(inputs[unit / 32] >> (unit % 32) & 1)) logits[unit] = -INFINITY;
#else
  const uint length = block_length(vocabulary) * part_blocks(vocabulary);
  const uint end = min((unit + 1) * length, vocabulary);
  for (uint id = unit * length; id < end; ++id)
    if (!(inputs[id / 32] >> (id % 32) & 1)) logits[id] = -INFINITY;
#endif
}

kernel __attribute__((reqd_work_group_size(BLOCK_ITEMS, 1, 1))) void mask(
    global float *restrict logits, global const uint *restrict inputs, const uint offset, const uint vocabulary) {
  mask_body(logits, inputs, offset, vocabulary, get_global_id(0), get_global_id(1));
}
