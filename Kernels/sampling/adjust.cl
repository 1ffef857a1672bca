// What changes logits before anything is chosen, in place and in this order: bias, penalties, mask.
//
//   views   inputs: SamplingRequest's words: rows' parameters; then lists of (row, id, value), each id once a row, or masks
//   units   of `bias` and `penalize` ⌈count / ENTRIES⌉; of `mask` simt (⌈vocabulary / ENTRIES⌉, rows), vector (PARTS, rows)

#include "sampling/row.cl"

#define ENTRIES SAMPLING_ENTRIES
#if SIMT
#define ADJUST_ITEMS ENTRIES
#else
#define ADJUST_ITEMS 1
#endif
#define FIRST_ENTRY (x * ENTRIES + get_local_id(0))
#define END_ENTRY min((x + 1) * ENTRIES, a->count)

// logit += value
SAMPLING_KERNEL(ADJUST_ITEMS, bias) {
  SAMPLING_VIEWS;
  global const uint *entries = (global const uint *)rows + a->offset;
  for (uint i = FIRST_ENTRY; i < END_ENTRY; i += ADJUST_ITEMS) {
    global const uint *entry = entries + i * 3;
    logits[(ulong)entry[0] * vocabulary + entry[1]] += as_float(entry[2]);
  }
}

// Repetition: a positive logit is divided by the penalty, another multiplied by it (Keskar et al. 2019). Then, as OpenAI's API
// defines them, the presence penalty is taken away if the token was generated at all, the frequency penalty as often as it was.
// The value is that count, 0 for a token of the prompt alone; its highest bit says whether the token is one that repetition is for.
SAMPLING_KERNEL(ADJUST_ITEMS, penalize) {
  SAMPLING_VIEWS;
  global const uint *entries = (global const uint *)rows + a->offset;
  for (uint i = FIRST_ENTRY; i < END_ENTRY; i += ADJUST_ITEMS) {
    global const uint *entry = entries + i * 3;
    global const sampling_row *r = rows + entry[0];
    const ulong at = (ulong)entry[0] * vocabulary + entry[1];
    const uint count = entry[2] & 0x7fffffffu;
    float logit = logits[at];
    if (entry[2] >> 31) logit *= logit > 0.0f ? r->inverse_repetition : r->repetition;
    if (count > 0) logit = (logit - (float)count * r->frequency) - r->presence;
    logits[at] = logit;
  }
}

// Tokens without a bit in the row's mask (words of 32 bits, the lowest first) become impossible.
SAMPLING_KERNEL(ADJUST_ITEMS, mask) {
  SAMPLING_VIEWS;
  const uint number = rows[row].mask;
  if (number == SAMPLING_NO_MASK) return;
  global const uint *allowed = (global const uint *)rows + a->offset + (ulong)number * ((vocabulary + 31) / 32);
  global float *own = logits + (ulong)row * vocabulary;
#if SIMT
  const uint begin = x * ADJUST_ITEMS + get_local_id(0), end = min(begin + 1, vocabulary);
#else
  const uint length = block_length(vocabulary) * part_blocks(vocabulary);
  const uint begin = x * length, end = min(begin + length, vocabulary);
#endif
  for (uint id = begin; id < end; ++id)
    if (!(allowed[id / 32] >> (id % 32) & 1)) own[id] = -INFINITY;
}
