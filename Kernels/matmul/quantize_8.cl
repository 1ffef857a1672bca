// What matmul/activations_8.cl does with one block of 32 columns of one tile.

#pragma once

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
  // Of floats without sign the bits are ordered as the numbers, NaN last.
  const uint16 magnitudes = max(as_uint16(low) & 0x7fffffffu, as_uint16(high) & 0x7fffffffu);
  const uint8 of_8 = max(magnitudes.lo, magnitudes.hi);
  const uint4 of_4 = max(of_8.lo, of_8.hi);
  const uint2 of_2 = max(of_4.lo, of_4.hi);
  const float largest = as_float(max(of_2.x, of_2.y));
  const float inverse = largest == 0.0f ? 0.0f : 127.0f / largest;
  struct rounded_block block;
  block.scale = largest / 127.0f;
  // Added to 1.5 · 2^23, a number is rounded to an integer, in the low bits.
  block.low = convert_char16(as_int16(low * inverse + 12582912.0f) - 0x4b400000);
  block.high = convert_char16(as_int16(high * inverse + 12582912.0f) - 0x4b400000);
  return block;
}

#if TENSOR

// Of token m of a tile, whose block begins at `packed`.
static inline void quantize_token(global const float *x, global uint *packed, const struct tile_rows *rows, const uint columns,
                                  const uint block, const uint m) {
  float16 low = 0.0f, high = 0.0f;
  if (m < rows->count) {
    low = vload16(0, x + row_of(rows, m) * columns + block * 32);
    high = vload16(1, x + row_of(rows, m) * columns + block * 32);
  }
  const struct rounded_block rounded = round_block(low, high);
  const uint4 first = as_uint4((char16)(ORDER(rounded.low))), second = as_uint4((char16)(ORDER(rounded.high)));
  global float *head = (global float *)packed + TILE_M * 8 + m * HEAD_WORDS;
  head[0] = rounded.scale;
#if BLOCK == 16
  // A lane's word of each block side by side.
  vstore8((uint8)(first.x, second.x, first.y, second.y, first.z, second.z, first.w, second.w), m, packed);
  head[1] = rounded.scale * (float)sum_of_bytes(rounded.low);
  head[2] = rounded.scale * (float)sum_of_bytes(rounded.high);
#else
  vstore8((uint8)(first, second), m, packed);
  head[1] = rounded.scale * (float)(sum_of_bytes(rounded.low) + sum_of_bytes(rounded.high));
#endif
}

#else

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

#endif
