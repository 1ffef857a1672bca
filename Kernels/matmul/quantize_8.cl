// What matmul/activations_8.cl does in the vector style with one block of 32 columns of one tile.

#pragma once

#include "matmul/round_8.cl"
#include "matmul/rows.cl"

static inline int sum_of_bytes(char16 q) {
  const int8 a = convert_int8(q.lo) + convert_int8(q.hi);
  const int4 b = a.lo + a.hi;
  const int2 c = b.lo + b.hi;
  return c.x + c.y;
}

// 16 columns, in the order of the format's words, TILE_M words apart.
static inline void store_words(const char16 q, global uint *out) {
  const char16 ordered = (char16)(ORDER(q));
#if DOT_COUNT == 4
  const uint4 words = as_uint4(ordered);
#else
  const short16 wide = convert_short16(ordered);
  const uint8 words = as_uint8((short16)(wide.s02134657, wide.s8a9bcedf));
  out[4 * TILE_M] = words.s4;
  out[5 * TILE_M] = words.s5;
  out[6 * TILE_M] = words.s6;
  out[7 * TILE_M] = words.s7;
#endif
  out[0 * TILE_M] = words.s0;
  out[1 * TILE_M] = words.s1;
  out[2 * TILE_M] = words.s2;
  out[3 * TILE_M] = words.s3;
}

// 32 activations as integers, and the scale of those.
struct rounded_block {
  char16 low, high;
  float scale;
};

static inline struct rounded_block round_block(const float16 low, const float16 high) {
  const uint16 magnitudes = max(MAGNITUDES(low, 16), MAGNITUDES(high, 16));
  const uint8 of_8 = max(magnitudes.lo, magnitudes.hi);
  const uint4 of_4 = max(of_8.lo, of_8.hi);
  const uint2 of_2 = max(of_4.lo, of_4.hi);
  const float largest = as_float(max(of_2.x, of_2.y));
  const float inverse = inverse_of_largest(largest);
  struct rounded_block block;
  block.scale = scale_of_largest(largest);
  block.low = ROUNDED_BYTES(low * inverse, 16);
  block.high = ROUNDED_BYTES(high * inverse, 16);
  return block;
}

static inline void quantize_block(global const float *x, global uint *packed, const struct tile_rows *rows, const uint columns,
                                  const uint block, const uint tile) {
  packed += ((ulong)tile * (columns / 32) + block) * PACKED_8 * TILE_M;
  for (uint m = 0; m < TILE_M; ++m) {
    float16 low = 0.0f, high = 0.0f;
    if (m < rows->count) {
      low = vload16(0, x + row_of(rows, m) * columns + block * 32);
      high = vload16(1, x + row_of(rows, m) * columns + block * 32);
    }
    const struct rounded_block rounded = round_block(low, high);
    packed[m] = as_uint(rounded.scale);
#if BLOCK == 16
    packed[TILE_M + m] = as_uint(rounded.scale * (float)sum_of_bytes(rounded.low));
    packed[2 * TILE_M + m] = as_uint(rounded.scale * (float)sum_of_bytes(rounded.high));
#else
    packed[TILE_M + m] = as_uint(rounded.scale * (float)(sum_of_bytes(rounded.low) + sum_of_bytes(rounded.high)));
#endif
    store_words(rounded.low, packed + (1 + 32 / BLOCK) * TILE_M + m);
    store_words(rounded.high, packed + (1 + 32 / BLOCK + 16 / DOT_COUNT) * TILE_M + m);
  }
}
