// Eight weights are an entry of a codebook, of 8 digits 0, 1, 2, and all of them lie 1/8 above or below: digit − 1 ± 1/8.
//
// IQ1_S, blocks of 32: 1 word of 4 bytes, the low parts of indices; the block's half has the high 3 bits of each, from bit 0, and
// bit 15 if its weights lie below.
// IQ1_M, blocks of 16, all in the super-block's halves, as the file has them: 4 of scales; 16 of two low bytes; 8 of four nibbles,
// the high 3 bits of an index and bit 3 if its weights lie below.
//
// A chunk is the 8 digits in pairs of bits, and 1 with 1/16 where they lie above.

#include "quantization/grid_iq1.cl"

#define RANGE 4.0f
#define OFFSET 5.125f
#define CHUNK_WORDS 2

#if IS_IQ1_S

#define WORDS 1
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u half_bits = TO_UINT(HALF_OF(packed, 1 + part));
  const lanes_u low = LOAD_WORD(block, 0) >> (8 * c) & 255u;
  chunk[0] = TABLE_AT(grid_iq1, low | (half_bits >> (3 * c) & 7u) << 8);
  chunk[1] = (~half_bits & 0x8000u) << 4 | ONE;
}

#else

#define WORDS 0
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u high = TO_UINT(HALF_OF(packed, 20 + part / 2)) >> (part % 2 * 8 + 4 * c);
  const lanes_u low = TO_UINT(HALF_OF(packed, 4 + part)) >> (8 * c) & 255u;
  chunk[0] = TABLE_AT(grid_iq1, low | (high & 7u) << 8);
  chunk[1] = (~high & 8u) << 16 | ONE;
}

#endif

// 1 + digit/4 + (0 or 1/16)
#define UNPACK(chunk, i) AS_FLOAT((SHIFT_TO(chunk[0], 2 * (i), 21) & 0x600000u) | chunk[1])
