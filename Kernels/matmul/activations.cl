// Packs activations for matmul: x (tokens, columns) into tiles of TILE_M tokens, (tiles, columns, TILE_M), and the sum of each block
// of BLOCK columns, (tiles, columns/BLOCK, TILE_M). Rows past a tile's end are zero.
//
// Columns are multiplied by the powers of two that the weights' format wants (quantization/weights.cl), after they are summed. A sum
// adds lanes of 16 columns in halves until one is left, then the two halves of a block of 32.
//
//   views   x, packed, sums, experts and order (GROUPED: matmul/rows.cl)
//   units   (⌈columns / PACK_COLUMNS⌉, tiles), in the simt style PACK_COLUMNS_WIDE

#include "common/kernel.cl"
#if SIMT
#define IN_PLACE 1
#endif
#include "quantization/weights.cl"
#include "matmul/pack.cl"

#if !SIMT

#define PACKED_BLOCKS (PACK_COLUMNS / BLOCK)

static inline void pack_activations_body(ROOTS, const struct pack_arguments *a, const uint part, const uint tile, const uint unused) {
  const uint blocks = a->columns / BLOCK, end = min(blocks, (part + 1) * PACKED_BLOCKS);
  if (NO_TILE(VIEW(const int, 3, experts), tile)) return;
  const struct tile_rows rows =
      rows_of_tile(VIEW(const int, 3, experts), VIEW(const uint, 4, order), a->tokens, a->flags, tile);
  for (uint block = part * PACKED_BLOCKS; block < end; ++block)
    pack_block(VIEW(const float, 0, x), VIEW(float, 1, packed), VIEW(float, 2, sums), &rows, a->columns, block, tile);
}
KERNEL(pack_activations, pack_arguments, 5)

#else

constant float factors[CHUNK] = {FACTOR(0), FACTOR(1), FACTOR(2), FACTOR(3), FACTOR(4), FACTOR(5), FACTOR(6), FACTOR(7)};

// A row's block, in the order of the vector style.
INLINE float sum_of_block(local const float *x) {
  float v[BLOCK];
#pragma unroll
  for (uint i = 0; i < BLOCK; ++i) v[i] = x[i];
#pragma unroll
  for (uint width = 8; width > 0; width /= 2)
#pragma unroll
    for (uint start = 0; start < BLOCK; start += 16)
#pragma unroll
      for (uint i = 0; i < width; ++i) v[start + i] += v[start + i + width];
  return BLOCK == 32 ? v[0] + v[BLOCK / 2] : v[0];
}

// A work-group turns its part of a tile in local memory: it reads along the rows, and writes along the tokens.
kernel GROUP_OF_ITEMS void pack_activations(ROOTS_5, const struct pack_arguments arguments) {
  global uchar *const roots[] = {LIST_5};
  const struct pack_arguments *a = &arguments;
  const uint item = get_local_id(0), tile = get_group_id(1);
  if (NO_TILE(VIEW(const int, 3, experts), tile)) return;
  const struct tile_rows rows =
      rows_of_tile(VIEW(const int, 3, experts), VIEW(const uint, 4, order), a->tokens, a->flags, tile);
  const uint first = get_group_id(0) * PACK_COLUMNS_WIDE, width = min((uint)PACK_COLUMNS_WIDE, a->columns - first);
  global const float *x = VIEW(const float, 0, x) + first;
  local float part[TILE_M][PACK_COLUMNS_WIDE + 1];
  for (uint i = item; i < TILE_M * PACK_COLUMNS_WIDE; i += LOCAL) {
    const uint m = i / PACK_COLUMNS_WIDE, c = i % PACK_COLUMNS_WIDE;
    if (c < width) part[m][c] = m < rows.count ? x[row_of(&rows, m) * a->columns + c] : 0.0f;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  global float *packed = VIEW(float, 1, packed) + ((ulong)tile * a->columns + first) * TILE_M;
  for (uint i = item; i < width * TILE_M; i += LOCAL) packed[i] = part[i % TILE_M][i / TILE_M] * factors[i / TILE_M % CHUNK];
#if SCALES > 0
  global float *sums = VIEW(float, 2, sums) + ((ulong)tile * a->columns + first) / BLOCK * TILE_M;
  for (uint i = item; i < width / BLOCK * TILE_M; i += LOCAL) sums[i] = sum_of_block(&part[i % TILE_M][i / TILE_M * BLOCK]);
#endif
}

#endif
