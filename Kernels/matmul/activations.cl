// Packs activations for matmul: x (tokens, columns) into tiles of TILE_M tokens, (tokens/TILE_M, columns, TILE_M), and
// the sum of each block of BLOCK columns, (tokens/TILE_M, columns/BLOCK, TILE_M). Tokens past the end are zero.
//
// In the vector style columns are multiplied by the powers of two that the weights' format wants (quantization/weights.cl), after
// they are summed. A sum adds lanes of 16 columns in halves until one is left, then the two halves of a block of 32.
//
// global size (columns/BLOCK, tokens/TILE_M rounded up), local size (1, 1); one work-item packs one block of one tile.

#ifndef TILE_M
#define TILE_M 12
#endif

#include "common/lanes.cl"
#include "quantization/weights.cl"
#include "matmul/pack.cl"

#if !SIMT

kernel void pack_activations(global const float *restrict x, global float *restrict packed, global float *restrict sums,
                             const uint tokens, const uint columns) {
  pack_block(x, packed, sums, tokens, columns, get_global_id(0), get_global_id(1));
}

#else

kernel void pack_activations(global const float *restrict x, global float *restrict packed, global float *restrict sums,
                             const uint tokens, const uint columns) {
  const uint block = get_global_id(0);
  const uint tile = get_global_id(1);
  const uint blocks = columns / BLOCK;
  global float *out = packed + ((ulong)tile * columns + (ulong)block * BLOCK) * TILE_M;
  for (uint m = 0; m < TILE_M; ++m) {
    const uint token = tile * TILE_M + m;
    float v[BLOCK];
    for (uint i = 0; i < BLOCK; ++i) v[i] = token < tokens ? x[(ulong)token * columns + block * BLOCK + i] : 0.0f;
    for (uint i = 0; i < BLOCK; ++i) out[i * TILE_M + m] = v[i];
    for (uint width = 8; width > 0; width /= 2)
      for (uint start = 0; start < BLOCK; start += 16)
        for (uint i = 0; i < width; ++i) v[start + i] += v[start + i + width];
#if BLOCK == 32
    v[0] += v[16];
#endif
    sums[((ulong)tile * blocks + block) * TILE_M + m] = v[0];
  }
}

#endif
