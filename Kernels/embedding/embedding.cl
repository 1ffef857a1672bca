// y[token] = scale · w[ids[token]], a row of a weight matrix in any format, dequantised exactly as its format defines
//
// One work-item unpacks the blocks under one set of scales of one token's row; one source serves both styles.
//   ids (tokens), weights: the planes of quantization/weights.cl, y (tokens, columns)
//
// global size (columns / (BLOCK · BLOCKS_PER_SCALE), tokens).  The caller guarantees ids < rows.

#undef SIMT
#define SIMT 1
#include "common/lanes.cl"
#include "quantization/weights.cl"

kernel void embedding(global const uint *restrict ids, global const uint *restrict weights, const ulong scales_offset,
                      global float *restrict y, const uint columns, const float factor) {
  const uint super = get_global_id(0);
  const uint token = get_global_id(1);
  const uint supers = columns / (BLOCK * BLOCKS_PER_SCALE);
  const ulong group = ids[token] / LANES;
  const uint lane = ids[token] % LANES;
#if SCALES > 0
  global const ushort *scales =
      (global const ushort *)weights + scales_offset + (group * supers + super) * SCALES * LANES + lane;
  lanes_h packed[SCALES];
  for (int s = 0; s < SCALES; ++s) packed[s] = scales[s * LANES];
#endif
  y += (ulong)token * columns + (ulong)super * BLOCKS_PER_SCALE * BLOCK;
  for (uint part = 0; part < BLOCKS_PER_SCALE; ++part) {
    const ulong block = (group * supers + super) * BLOCKS_PER_SCALE + part;
    lanes_u words[WORDS];
    for (int w = 0; w < WORDS; ++w) words[w] = weights[(block * WORDS + w) * LANES + lane];
#pragma unroll
    for (int i = 0; i < BLOCK; ++i) {
#if SCALES > 0
      y[part * BLOCK + i] = dequantized(packed, part, UNPACK(words, i)) * factor;
#else
      y[part * BLOCK + i] = UNPACK(words, i) * factor;
#endif
    }
  }
}
