// Eight weights are an entry of a codebook, of 8 magnitudes 8, 25, 43, and 8 signs. A chunk is a word of nibbles: a magnitude's number,
// and bit 3 where the weight is negative.
//
// IQ2_XXS, blocks of 32: 1 word of 4 indices, 1 of signs, bit 4i + c for weight i of chunk c.
// IQ2_XS and IQ2_S, blocks of 16: 1 word: the low bytes of 2 indices, then signs, bit 16 + 2c + 4i for weight i < 4 of chunk c, bit 17 +
// 2c + 4i for weight 4 + i. The halves from FIRST_HIGH hold the HIGH_BITS high bits of each index, in order.

#if IS_IQ2_XXS
#include "quantization/grid_iq2_xxs.cl"
#elif IS_IQ2_XS
#include "quantization/grid_iq2_xs.cl"
#else
#include "quantization/grid_iq2_s.cl"
#endif

#define OFFSET 43.0f
#define VALUES(of) of(51, 68, 86, 43, 43, 43, 43, 43, 35, 18, 0, 43, 43, 43, 43, 43)

#include "quantization/nibbles.cl"

#if IS_IQ2_XXS

#define WORDS 2
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u index = LOAD_WORD(block, 0) >> (8 * c) & 255u;
  SET_CHUNK(chunk, TABLE_AT(grid_iq2_xxs, index) | (LOAD_WORD(block, 1) << (3 - c) & 0x88888888u));
}

#else

#define WORDS 1
#if IS_IQ2_XS
#define HIGH_BITS 1
#else
#define HIGH_BITS 2
#endif
#define FIRST_HIGH 5
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const uint at = (part * 2 + c) * HIGH_BITS;
  const lanes_u high = TO_UINT(HALF_OF(packed, FIRST_HIGH + at / 16)) >> (at % 16) & ((1u << HIGH_BITS) - 1);
  const lanes_u word = LOAD_WORD(block, 0);
  const lanes_u index = (word >> (8 * c) & 255u) | high << 8;
  const lanes_u signs = (word >> (13 + 2 * c) & 0x00008888u) | (word << (2 - 2 * c) & 0x88880000u);
#if IS_IQ2_XS
  SET_CHUNK(chunk, TABLE_AT(grid_iq2_xs, index) | signs);
#else
  SET_CHUNK(chunk, TABLE_AT(grid_iq2_s, index) | signs);
#endif
}

#endif
