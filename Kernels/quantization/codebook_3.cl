// Four weights are an entry of a codebook, of 4 magnitudes of 8 values, and 4 signs. Blocks of 32: 1 word of signs, bit 4i + c for
// weight i of chunk c, and 2 of 8 indices, or their low bytes. IQ3_S has the indices' ninth bits in the halves from FIRST_HIGH, in order.
// A chunk is a word of nibbles: a magnitude's number, and bit 3 where the weight is negative.

#if IS_IQ3_XXS
#include "quantization/grid_iq3_xxs.cl"
#else
#include "quantization/grid_iq3_s.cl"
#endif

#define WORDS 3
#define FIRST_HIGH 3

#if IS_IQ3_XXS
#define OFFSET 62.0f
#define VALUES(of) of(66, 74, 82, 90, 98, 106, 114, 124, 58, 50, 42, 34, 26, 18, 10, 0)
#else
#define OFFSET 15.0f
#define VALUES(of) of(16, 18, 20, 22, 24, 26, 28, 30, 14, 12, 10, 8, 6, 4, 2, 0)
#endif

#include "quantization/nibbles.cl"

static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u indices = LOAD_WORD(block, 1 + c / 2) >> (16 * (c % 2));
  const lanes_u signs = LOAD_WORD(block, 0) << (3 - c) & 0x88888888u;
#if IS_IQ3_XXS
  SET_CHUNK(chunk,
            TABLE_AT(grid_iq3_xxs, indices & 255u) | TABLE_AT(grid_iq3_xxs, indices >> 8 & 255u) << 16 | signs);
#else
  const lanes_u high = TO_UINT(HALF_OF(packed, FIRST_HIGH + part / 2)) >> (part % 2 * 8 + 2 * c);
  SET_CHUNK(chunk, TABLE_AT(grid_iq3_s, (indices & 255u) | (high & 1u) << 8) |
                       TABLE_AT(grid_iq3_s, (indices >> 8 & 255u) | (high & 2u) << 7) << 16 | signs);
#endif
}
