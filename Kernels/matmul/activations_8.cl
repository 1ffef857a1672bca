// Rounds activations to 8 bits for matmul_8: x (tokens, columns) in blocks of 32 columns, each x ≈ scale · q with
// scale = max |x| / 127 and q = x · (127 / max |x|) rounded to nearest even, into tiles of TILE_M tokens,
//
//   packed (tokens/TILE_M, columns/32, PACKED_8, TILE_M) words: the scale, a float; for each BLOCK columns scale · Σq, a float;
//   then words of DOT_COUNT q, in the order in which the weight format has its columns (matmul/format_8.cl).
//
// Tokens past the end are zero. A block with a NaN or an infinity has such a scale, so that it shows in the products.
//
// global size (columns/32, tokens/TILE_M rounded up), local size (1, 1); one work-item packs one block of one tile. The caller
// guarantees columns % 32 = 0 and a type that SERVES_TYPE names. One source serves both styles.

#include "matmul/format_8.cl"
#include "matmul/quantise_8.cl"

kernel void quantise_activations(global const float *restrict x, global uint *restrict packed, const uint tokens,
                                 const uint columns) {
  quantise_block(x, packed, tokens, columns, get_global_id(0), get_global_id(1));
}
