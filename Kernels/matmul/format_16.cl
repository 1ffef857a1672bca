// How activations of 16 bits lie for matmul/matmul_16.ptx.cl, tiles of TILE_M tokens, a multiple of 16:
//
//   x       (tokens/TILE_M, columns/32, TILE_M/16, 2, 32) vectors of 8 halves (BF16 where the weights are): vector 4g + t of half s
//           has of tokens g and g + 8 the columns c and c + 1, then c + 2 and c + 3 of both, c = 8t + 4s
//   x_sums  (tokens), the power of two that a token's halves were divided by: 1 unless F16 would overflow

#pragma once

#include "quantization/weights.cl"

// Vectors of 16 tokens' 32 columns.
#define TOKENS_VECTORS 64

// Where the half of `column` of token m lies in a block of a tile.
static inline uint half_at(const uint m, const uint column) {
  const uint vector = m / 16 * TOKENS_VECTORS + column / 4 % 2 * 32 + m % 8 * 4 + column / 8;
  return vector * 8 + column / 2 % 2 * 4 + m % 16 / 8 * 2 + column % 2;
}
