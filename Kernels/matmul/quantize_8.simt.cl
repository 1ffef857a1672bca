// What matmul/activations_8.cl does in the simt style: 8 work-items have a block of 32 columns of a token, 4 columns each.

#pragma once

#include "matmul/round_8.cl"
#include "matmul/rows.cl"

// Blocks of a token that a work-group has.
#define GROUP_BLOCKS (LOCAL / 8)

// Word w of a block's 8 in the order of the format (ORDER of matmul/format_8.cl), of its words in the order of columns.
INLINE uint ordered_word(local const uint *words, const uint w) {
#if IS_Q8_0
  return words[w];
#else
  // Even columns of eight, then odd ones.
  const uint shift = w % 2 * 8, first = words[w / 2 * 2] >> shift, second = words[w / 2 * 2 + 1] >> shift;
  return (first & 0xffu) | (first >> 8 & 0xff00u) | (second & 0xffu) << 16 | (second << 8 & 0xff000000u);
#endif
}

// Where a tile's block has the head (the scale, then sums) and the word w of token m.
#if TENSOR
#define BLOCK_WORDS_OF_TILE (TOKEN_WORDS * TILE_M)
#define HEAD_AT(m, i) (8 * TILE_M + (m) * HEAD_WORDS + (i))
// A lane's words of two blocks side by side.
#define WORD_AT(m, w) ((m) * 8 + (BLOCK == 16 ? (w) % 4 * 2 + (w) / 4 : (w)))
#else
#define BLOCK_WORDS_OF_TILE (PACKED_8 * TILE_M)
#define HEAD_AT(m, i) ((i) * TILE_M + (m))
#define WORD_AT(m, w) ((1 + 32 / BLOCK + (w)) * TILE_M + (m))
#endif

// Block `block` of token m of a tile. Every work-item of the work-group calls it; one that has no block has `is_there` false.
INLINE void quantize_shared(global const float *x, global uint *packed, const struct tile_rows *rows, const uint columns,
                            const uint block, const uint m, const uint tile, const bool is_there, local uint *words,
                            local uint *magnitudes, local int *sums) {
  const uint item = get_local_id(0), part = item % 8, first = item - part;
  const bool is_token = is_there && m < rows->count;
  const struct rounded_four four =
      round_shared(x + (is_token ? row_of(rows, m) * columns + block * 32 + part * 4 : 0), is_token, magnitudes);
  words[item] = as_uint(four.q);
  sums[item] = (int)four.q.x + four.q.y + four.q.z + four.q.w;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (!is_there) return;
  packed += ((ulong)tile * (columns / 32) + block) * BLOCK_WORDS_OF_TILE;
  if (part <= 32 / BLOCK) {
    // The scale, then each sum.
    int sum = 0;
#pragma unroll
    for (uint i = 0; i < BLOCK / 4; ++i) sum += sums[first + max(part, 1u) * (BLOCK / 4) - BLOCK / 4 + i];
    packed[HEAD_AT(m, part)] = as_uint(part == 0 ? four.scale : four.scale * (float)sum);
  }
  const uint word = ordered_word(words + first, part);
#if DOT_COUNT == 4 || TENSOR
  packed[WORD_AT(m, part)] = word;
#else
  // Bytes 0 and 2, then 1 and 3, as halves of words.
  const short4 wide = convert_short4(as_char4(word));
  packed[WORD_AT(m, 2 * part)] = as_uint((short2)(wide.x, wide.z));
  packed[WORD_AT(m, 2 * part + 1)] = as_uint((short2)(wide.y, wide.w));
#endif
}
