// y[token] = scale · w[ids[token]], a row of a weight matrix in any format, dequantized exactly as its format defines
//
// A work-item unpacks the blocks under one set of scales at a time; one source serves both styles.
//   views   ids (tokens), weights: the planes of quantization/weights.cl, y (tokens, columns)
//   units   (tokens).  The caller guarantees ids < rows.

#if SIMT
#define FIRST_SUPER get_local_id(0)
#else
#define FIRST_SUPER 0
#define LOCAL 1
#define ASIDE 1
#endif
#undef SIMT
#define SIMT 1
#include "common/kernel.cl"
#include "quantization/weights.cl"

// In flags: y has the rows that are there already, and these are added.
#define ADDS 1u

static inline void embedding_body(ROOTS, const struct embedding_arguments *a, const uint token, const uint unused_y,
                                  const uint unused_z) {
  const uint supers = a->columns / (BLOCK * BLOCKS_PER_SCALE);
  const uint id = VIEW(const uint, 0, ids)[token];
  global const uint *weights = VIEW(const uint, 1, weights);
  const uint group = id / LANES, lane = id % LANES;
  global const uint *row = weights + row_at(group, lane, supers * BLOCKS_PER_SCALE);
  for (uint super = FIRST_SUPER; super < supers; super += LOCAL) {
    lanes_h packed[SCALES + 1];
#if SCALES > 0
    global const ushort *scales = (global const ushort *)weights + a->scales_offset + scales_at(group, super, supers) + lane;
    for (int s = 0; s < SCALES; ++s) packed[s] = scales[s * LANES];
#endif
    global float *y = VIEW(float, 2, y) + (ulong)token * a->columns + (ulong)super * BLOCKS_PER_SCALE * BLOCK;
    for (uint part = 0; part < BLOCKS_PER_SCALE; ++part) {
      uint words[HELD_WORDS];
      load_words(row, super * BLOCKS_PER_SCALE + part, words);
#pragma unroll
      for (uint c = 0; c < BLOCK / CHUNK; ++c) {
        lanes_u chunk[CHUNK_WORDS];
        load_chunk(packed, part, words, c, chunk);
#pragma unroll
        for (int i = 0; i < CHUNK; ++i) {
#if SCALES > 0
          const float v = dequantized(packed, part, UNPACK(chunk, i)) * a->scale;
#else
          const float v = UNPACK(chunk, i) * a->scale;
#endif
          *y = a->flags & ADDS ? *y + v : v;
          ++y;
        }
      }
    }
  }
}
KERNEL(embedding, embedding_arguments, 3)
