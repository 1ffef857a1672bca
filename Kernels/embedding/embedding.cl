// y[token] = scale · w[ids[token]], a row of a weight matrix in any format, dequantized exactly as its format defines
//
// A work-item unpacks a block at a time; one source serves both styles.
//   views   ids (tokens), weights: the planes of quantization/weights.cl, y (tokens, columns)
//   units   vector (tokens); simt (⌈columns/BLOCK / LOCAL⌉, tokens).  The caller guarantees ids < rows.

#if SIMT
#define BY_ITEMS 1
#else
#define BY_ITEMS 0
#define LOCAL 1
#define ASIDE 1
#endif
#undef SIMT
#define SIMT 1
#define SCALES_GLOBAL
#include "common/kernel.cl"
#include "common/wide.cl"
#include "quantization/weights.cl"

// In flags: y has the rows that are there already, and these are added.
#define ADDS 1u

static inline void embed_block(ROOTS, const struct embedding_arguments *a, const uint token, const uint block) {
  const uint blocks = a->columns / BLOCK, part = block % BLOCKS_PER_SCALE;
  const uint id = VIEW(const uint, 0, ids)[token], group = id / LANES, lane = id % LANES;
  global const uint *weights = VIEW(const uint, 1, weights);
  global float *y = VIEW(float, 2, y) + (ulong)token * a->columns + (ulong)block * BLOCK;
#if SCALES > 0
  global const ushort *packed = (global const ushort *)weights + a->scales_offset + lane +
                                scales_at(group, block / BLOCKS_PER_SCALE, blocks / BLOCKS_PER_SCALE);
#else
  global const ushort *packed = 0;
#endif
  uint words[HELD_WORDS];
  load_words(weights + row_at(group, lane, blocks), block, words);
  const bool adds = a->flags & ADDS, wide = IS_WIDE(y);
#pragma unroll
  for (uint c = 0; c < BLOCK / CHUNK; ++c) {
    lanes_u chunk[CHUNK_WORDS];
    float v[CHUNK];
    load_chunk(packed, part, words, c, chunk);
#pragma unroll
    for (int i = 0; i < CHUNK; ++i) {
#if SCALES > 0
      v[i] = dequantized(packed, part, UNPACK(chunk, i)) * a->scale;
#else
      v[i] = UNPACK(chunk, i) * a->scale;
#endif
    }
#pragma unroll
    for (int i = 0; i < CHUNK; i += 4) {
      global float *to = y + c * CHUNK + i;
      float4 four = (float4)(v[i], v[i + 1], v[i + 2], v[i + 3]);
      if (adds) four = load_4(to, 4, wide) + four;
      store_4(four, to, 4, wide);
    }
  }
}

static inline void embedding_body(ROOTS, const struct embedding_arguments *a, const uint x, const uint y, const uint unused_z) {
  const uint blocks = a->columns / BLOCK;
#if BY_ITEMS
  const uint block = x * LOCAL + get_local_id(0);
  if (block < blocks) embed_block(roots, a, y, block);
#else
  for (uint block = 0; block < blocks; ++block) embed_block(roots, a, x, block);
#endif
}
KERNEL(embedding, embedding_arguments, 3)
