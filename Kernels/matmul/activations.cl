// Packs activations for matmul: x (tokens, columns) into tiles of TILE_M tokens, (tiles, columns, TILE_M), and the sum of each block
// of BLOCK columns, (tiles, columns/BLOCK, TILE_M). Rows past a tile's end are zero.
//
// In the vector style columns are multiplied by the powers of two that the weights' format wants (quantization/weights.cl), after
// they are summed. A sum adds lanes of 16 columns in halves until one is left, then the two halves of a block of 32.
//
//   views   x, packed, sums, experts and order (GROUPED: matmul/rows.cl)
//   units   (⌈columns/BLOCK / PACKED_BLOCKS⌉, tiles): simt work-items take a block each

#include "common/kernel.cl"
#include "quantization/weights.cl"
#include "matmul/pack.cl"

#if SIMT
#define PACKED_BLOCKS LOCAL
#else
#define PACKED_BLOCKS (PACK_COLUMNS / BLOCK)

static inline void pack_activations_body(ROOTS, const struct pack_arguments *a, const uint part, const uint tile, const uint unused) {
  const uint blocks = a->columns / BLOCK, end = min(blocks, (part + 1) * PACKED_BLOCKS);
#if GROUPED
  if ((int)tile >= *VIEW(const int, 3, experts)) return;
#endif
  const struct tile_rows rows =
      rows_of_tile(VIEW(const int, 3, experts), VIEW(const uint, 4, order), a->tokens, a->flags, tile);
  for (uint block = part * PACKED_BLOCKS; block < end; ++block)
    pack_block(VIEW(const float, 0, x), VIEW(float, 1, packed), VIEW(float, 2, sums), &rows, a->columns, block, tile);
}
#endif

#if SIMT
static inline void pack_activations_body(ROOTS, const struct pack_arguments *a, const uint part, const uint tile, const uint unused) {
  const uint block = part * PACKED_BLOCKS + get_local_id(0), columns = a->columns, blocks = columns / BLOCK;
#if GROUPED
  if ((int)tile >= *VIEW(const int, 3, experts)) return;
#endif
  if (block >= blocks) return;
  const struct tile_rows rows =
      rows_of_tile(VIEW(const int, 3, experts), VIEW(const uint, 4, order), a->tokens, a->flags, tile);
  global const float *x = VIEW(const float, 0, x);
  global float *out = VIEW(float, 1, packed) + ((ulong)tile * columns + (ulong)block * BLOCK) * TILE_M;
  for (uint m = 0; m < TILE_M; ++m) {
    float v[BLOCK];
    for (uint i = 0; i < BLOCK; ++i) v[i] = m < rows.count ? x[row_of(&rows, m) * columns + block * BLOCK + i] : 0.0f;
    for (uint i = 0; i < BLOCK; ++i) out[i * TILE_M + m] = v[i];
    for (uint width = 8; width > 0; width /= 2)
      for (uint start = 0; start < BLOCK; start += 16)
        for (uint i = 0; i < width; ++i) v[start + i] += v[start + i + width];
#if BLOCK == 32
    v[0] += v[16];
#endif
    VIEW(float, 2, sums)[((ulong)tile * blocks + block) * TILE_M + m] = v[0];
  }
}
#endif
KERNEL(pack_activations, pack_arguments, 5)
