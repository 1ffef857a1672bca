// Rounds activations to 16 bits for matmul_16 (matmul/format_16.cl), to nearest even: x (tokens, columns). A token whose largest is 2^15
// or more is divided by a power of two first where halves are F16. Rows past a tile's end are zero.
//
//   views   as in matmul/activations.cl
//   units   (TILE_M, tiles): a token each

#include "common/halves.cl"
#include "common/kernel.cl"
#include "matmul/format_16.cl"
#include "matmul/rows.cl"

#if IS_BF16
#define ROUNDED_HALF bfloat_bits
#else
#define ROUNDED_HALF half_bits
#endif

kernel GROUP_OF_ITEMS void round_activations(ROOTS_5, const struct pack_arguments arguments) {
  local uint largest[LOCAL];
  global uchar *const roots[] = {LIST_5};
  const struct pack_arguments *a = &arguments;
  const uint item = get_local_id(0), m = get_group_id(0), tile = get_group_id(1);
  if (NO_TILE(VIEW(const int, 3, experts), tile)) return;
  const struct tile_rows rows =
      rows_of_tile(VIEW(const int, 3, experts), VIEW(const uint, 4, order), a->tokens, a->flags, tile);
  const bool is_present = m < rows.count;
  global const float *x = VIEW(const float, 0, x) + (is_present ? row_of(&rows, m) * a->columns : 0);
  float factor = 1.0f;
#if !IS_BF16
  // Of floats without sign the bits are ordered as the numbers.
  uint most = 0;
  for (uint c = item; is_present && c < a->columns; c += LOCAL) most = max(most, as_uint(x[c]) & 0x7fffffffu);
  largest[item] = most;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint width = LOCAL / 2; width > 0; width /= 2) {
    if (item < width) largest[item] = max(largest[item], largest[item + width]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const uint exponent = largest[0] >> 23;
  if (exponent >= 127 + 15 && exponent < 255) factor = as_float((exponent - 14) << 23);
#endif
  if (item == 0) VIEW(float, 2, sums)[tile * TILE_M + m] = factor;
  // A power of two: exact, but for halves that are then below the least.
  const float inverse = 1.0f / factor;
  global ushort *out = VIEW(ushort, 1, packed) + (ulong)tile * a->columns * TILE_M;
  for (uint c = item; c < a->columns; c += LOCAL)
    out[(ulong)(c / 32) * TILE_M * 32 + half_at(m, c % 32)] = is_present ? ROUNDED_HALF(x[c] * inverse) : 0;
}
