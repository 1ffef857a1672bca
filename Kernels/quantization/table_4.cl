// Nibbles that stand for the values of a table: 4 words of 8, in order of k. A chunk is one word.

#define WORDS 4

#if IS_MXFP4
// Twice the values of E2M1.
#define OFFSET 12.0f
#define VALUES(of) of(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0)
#else
#define OFFSET 127.0f
#define VALUES(of) of(0, 23, 44, 62, 78, 92, 105, 117, 128, 140, 152, 165, 180, 196, 216, 240)
#endif

#include "quantization/nibbles.cl"

static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  SET_CHUNK(chunk, LOAD_WORD(block, c));
}
