// The likeliest tokens: each work-item keeps the `keep` largest logits of its share, in falling order, the lower id first
// among equals. The host merges the shares, so the result does not depend on how they are cut. keep = 1 is greedy.
//
//   logits (rows, vocabulary); values and ids (rows, shares, keep), padded with −∞ and the id UINT_MAX
// A share is contiguous in the vector style and strided in the simt style, for the memory's sake.
//
// global size (shares, rows), local size (1, 1) or, in the simt style, any.

#include "common/lanes.cl"

kernel void candidates(global const float *restrict logits, global float *restrict values, global uint *restrict ids,
                       const uint vocabulary, const uint keep) {
  const uint share = get_global_id(0);
  const uint shares = get_global_size(0);
  const ulong row = get_global_id(1);
  logits += row * vocabulary;
  values += (row * shares + share) * keep;
  ids += (row * shares + share) * keep;
  for (uint i = 0; i < keep; ++i) {
    values[i] = -INFINITY;
    ids[i] = UINT_MAX;
  }
#if SIMT
  const uint begin = share, end = vocabulary, stride = shares;
#else
  const uint length = (vocabulary + shares - 1) / shares;
  const uint begin = share * length, end = min(begin + length, vocabulary), stride = 1;
#endif
  float least = -INFINITY;
  for (uint id = begin; id < end; id += stride) {
#if !SIMT
    // Most lanes hold nothing to keep.
    while (id + LANES <= end && !any(vload16(0, logits + id) > least)) id += LANES;
    if (id >= end) break;
#endif
    const float value = logits[id];
    if (!(value > least)) continue;
    uint at = keep - 1;
    for (; at > 0 && value > values[at - 1]; --at) {
      values[at] = values[at - 1];
      ids[at] = ids[at - 1];
    }
    values[at] = value;
    ids[at] = id;
    least = values[keep - 1];
  }
}

// logits of tokens seen before, each id once: divided by the penalty where positive, else multiplied (Keskar et al. 2019)
//
// global size (count).
kernel void penalise(global float *restrict logits, global const uint *restrict ids, const float penalty) {
  const uint id = ids[get_global_id(0)];
  logits[id] = logits[id] > 0.0f ? logits[id] / penalty : logits[id] * penalty;
}
