// What matmul/activations_8.cl does in the simt style: 8 work-items have a block of 32 columns of a token, 4 columns each.

#pragma once

#include "common/wide.cl"
#include "matmul/rows.cl"

// Blocks of a token that a work-group has.
#define GROUP_BLOCKS (LOCAL / 8)

// Word w of a block's 8 in the order of the format (ORDER of matmul/format_8.cl), of its words in the order of columns.
static inline uint ordered_word(local const uint *words, const uint w) {
#if IS_Q8_0
  return words[w];
#else
  // Even columns of eight, then odd ones.
  const uint shift = w % 2 * 8, first = words[w / 2 * 2] >> shift, second = words[w / 2 * 2 + 1] >> shift;
  return (first & 0xffu) | (first >> 8 & 0xff00u) | (second & 0xffu) << 16 | (second << 8 & 0xff000000u);
#endif
}

// Block `block` of token m of a tile. Every work-item of the work-group calls it; one that has no block has `is_there` false.
static inline void quantize_shared(global const float *x, global uint *packed, const struct tile_rows *rows, const uint columns,
                                   const uint block, const uint m, const uint tile, const bool is_there, local uint *words,
                                   local uint *magnitudes, local int *sums) {
  const uint item = get_local_id(0), part = item % 8, first = item - part;
  float4 v = 0.0f;
  if (is_there && m < rows->count) {
    global const float *from = x + row_of(rows, m) * columns + block * 32 + part * 4;
    v = load_4(from, 4, IS_WIDE(from));
  }
  // Of floats without sign the bits are ordered as the numbers, NaN last.
  const uint4 bits = as_uint4(v) & 0x7fffffffu;
  magnitudes[item] = max(max(bits.x, bits.y), max(bits.z, bits.w));
  barrier(CLK_LOCAL_MEM_FENCE);
  uint most = 0;
#pragma unroll
  for (uint i = 0; i < 8; ++i) most = max(most, magnitudes[first + i]);
  const float largest = as_float(most), scale = largest / 127.0f;
  const float inverse = largest == 0.0f ? 0.0f : 127.0f / largest;
  // Added to 1.5 · 2^23, a number is rounded to an integer, in the low bits.
  const char4 q = convert_char4(as_int4(v * inverse + 12582912.0f) - 0x4b400000);
  words[item] = as_uint(q);
  sums[item] = (int)q.x + q.y + q.z + q.w;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (!is_there) return;
  packed += ((ulong)tile * (columns / 32) + block) * PACKED_8 * TILE_M + m;
  if (part <= 32 / BLOCK) {
    // The scale, then each sum.
    int sum = 0;
#pragma unroll
    for (uint i = 0; i < BLOCK / 4; ++i) sum += sums[first + max(part, 1u) * (BLOCK / 4) - BLOCK / 4 + i];
    packed[part * TILE_M] = as_uint(part == 0 ? scale : scale * (float)sum);
  }
  const uint word = ordered_word(words + first, part);
  packed += (1 + 32 / BLOCK) * TILE_M;
#if DOT_COUNT == 4
  packed[part * TILE_M] = word;
#else
  // Bytes 0 and 2, then 1 and 3, as halves of words.
  const short4 wide = convert_short4(as_char4(word));
  packed[2 * part * TILE_M] = as_uint((short2)(wide.x, wide.z));
  packed[(2 * part + 1) * TILE_M] = as_uint((short2)(wide.y, wide.w));
#endif
}
