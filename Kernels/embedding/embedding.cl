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
  const uint group = ids[token] / LANES;
  const uint lane = ids[token] % LANES;
  lanes_h packed[SCALES + 1];
#if SCALES > 0
  global const ushort *scales = (global const ushort *)weights + scales_offset + scales_at(group, super, supers) + lane;
  for (int s = 0; s < SCALES; ++s) packed[s] = scales[s * LANES];
#endif
  y += (ulong)token * columns + (ulong)super * BLOCKS_PER_SCALE * BLOCK;
  for (uint part = 0; part < BLOCKS_PER_SCALE; ++part) {
    const uint block = super * BLOCKS_PER_SCALE + part;
    for (uint c = 0; c < BLOCK / CHUNK; ++c) {
      lanes_u chunk[CHUNK_WORDS];
      load_chunk(packed, part, weights + quants_at(group, block, supers * BLOCKS_PER_SCALE) + lane, c, chunk);
#pragma unroll
      for (int i = 0; i < CHUNK; ++i) {
#if SCALES > 0
        *y++ = dequantized(packed, part, UNPACK(chunk, i)) * factor;
#else
        *y++ = UNPACK(chunk, i) * factor;
#endif
      }
    }
  }
}
