// Rounds activations to 8 bits for matmul_8: x (tokens, columns) in blocks of 32 columns, each x ≈ scale · q with
// scale = max |x| / 127 and q = x / scale rounded to nearest even, into tiles of TILE_M tokens,
//
//   packed (tokens/TILE_M, columns/32, PACKED_8, TILE_M) words: the scale, a float; of each BLOCK columns scale · Σq, a float;
//   words of DOT_COUNT q, in the order in which the weight format has its columns (matmul/integers_8.cl).
//
// Tokens past the end are zero. A block with a NaN or an infinity has such a scale, so that it shows in the products.
//
// global size (columns/32, tokens/TILE_M rounded up), local size (1, 1); one work-item packs one block of one tile.

#include "matmul/format_8.cl"

kernel void quantise_activations(global const float *restrict x, global uint *restrict packed, const uint tokens,
                                 const uint columns) {
  const uint block = get_global_id(0), tile = get_global_id(1);
  global uint *out = packed + ((ulong)tile * (columns / 32) + block) * PACKED_8 * TILE_M;
  for (uint m = 0; m < TILE_M; ++m) {
    const uint token = tile * TILE_M + m;
    const bool is_token = token < tokens;
    global const float *v = x + (ulong)(is_token ? token : 0) * columns + block * 32;
    // Of floats without sign the bits are ordered as the numbers, NaN last.
    uint most = 0;
    for (uint i = 0; i < 32; ++i) most = max(most, as_uint(v[i]) & 0x7fffffffu);
    const float scale = is_token ? as_float(most) / 127.0f : 0.0f;
    const float inverse = is_token && most != 0 ? 127.0f / as_float(most) : 0.0f;
    // Added to 1.5 · 2^23, a number is rounded to an integer, in the low bits.
    uint q[32];
    for (uint i = 0; i < 32; ++i) q[i] = as_uint(v[i] * inverse + 12582912.0f);
    out[m] = as_uint(scale);
    for (uint part = 0; part < 32 / BLOCK; ++part) {
      int sum = 0;
      for (uint i = 0; i < BLOCK; ++i) sum += as_char4(q[part * BLOCK + i]).x;
      out[(1 + part) * TILE_M + m] = as_uint(scale * (float)sum);
      for (uint w = 0; w < BLOCK / DOT_COUNT; ++w) {
        uint word = 0;
        for (uint i = 0; i < DOT_COUNT; ++i) {
          const int value = as_char4(q[part * BLOCK + DOT_COLUMN(w, i)]).x;
          word |= ((uint)value & (0xffffffffu >> (32 - 32 / DOT_COUNT))) << (32 / DOT_COUNT * i);
        }
        out[(1 + 32 / BLOCK + part * (BLOCK / DOT_COUNT) + w) * TILE_M + m] = word;
      }
    }
  }
}
