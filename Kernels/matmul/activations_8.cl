// Rounds activations to 8 bits (matmul/round_8.cl) for matmul_8: x (tokens, columns) into tiles of TILE_M tokens,
//
//   packed (tiles, columns/32, PACKED_8, TILE_M) words: the scale, a float; for each BLOCK columns scale · Σq, a float;
//   then words of DOT_COUNT q, in the order in which the weight format has its columns (matmul/format_8.cl).
//
// Rows past a tile's end are zero. A block with a NaN or an infinity has such a scale, so that it shows in the products.
//
//   views   as in matmul/activations.cl; sums are unused
//   or, with TENSOR, as matmul/format_8.cl says
//   units   vector (⌈columns/32 / ROUNDED_BLOCKS⌉, tiles); simt (⌈columns/32 · TILE_M / GROUP_BLOCKS⌉, tiles)
// The caller guarantees columns % 32 = 0 and a type that SERVES_TYPE names.

#include "common/kernel.cl"
#include "matmul/format_8.cl"
#include "matmul/round_8.cl"
#include "matmul/rows.cl"

#if SIMT

#include "matmul/quantize_8.simt.cl"

kernel GROUP_OF_ITEMS void quantize_activations(ROOTS_5, const struct pack_arguments arguments) {
  local uint words[LOCAL], magnitudes[LOCAL];
  local int sums[LOCAL];
  const struct pack_arguments *a = &arguments;
  global uchar *const roots[] = {LIST_5};
  const uint tile = get_group_id(1), i = get_group_id(0) * GROUP_BLOCKS + get_local_id(0) / 8;
  if (NO_TILE(VIEW(const int, 3, experts), tile)) return;
  const struct tile_rows rows =
      rows_of_tile(VIEW(const int, 3, experts), VIEW(const uint, 4, order), a->tokens, a->flags, tile);
  quantize_shared(VIEW(const float, 0, x), VIEW(uint, 1, packed), &rows, a->columns, i / TILE_M, i % TILE_M, tile,
                  i < a->columns / 32 * TILE_M, words, magnitudes, sums);
}

#else

#include "matmul/quantize_8.cl"

static inline void quantize_activations_body(ROOTS, const struct pack_arguments *a, const uint part, const uint tile,
                                             const uint unused) {
  const uint end = min(a->columns / 32, (part + 1) * ROUNDED_BLOCKS);
  if (NO_TILE(VIEW(const int, 3, experts), tile)) return;
  const struct tile_rows rows =
      rows_of_tile(VIEW(const int, 3, experts), VIEW(const uint, 4, order), a->tokens, a->flags, tile);
  for (uint block = part * ROUNDED_BLOCKS; block < end; ++block)
    quantize_block(VIEW(const float, 0, x), VIEW(uint, 1, packed), &rows, a->columns, block, tile);
}
KERNEL(quantize_activations, pack_arguments, 5)

#endif
