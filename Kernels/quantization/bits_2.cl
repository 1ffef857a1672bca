// 2-bit quants: WORDS words of 16 pairs of bits, in order of k. A chunk is the half of a word, at the bottom.

#define WORDS (BLOCK / 16)
#define RANGE 4.0f
#if IS_TQ2_0
#define OFFSET 5.0f
#endif

#define CHUNK_WORDS 1
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, c / 2) >> (16 * (c % 2));
}

// 1 + q/4
#define UNPACK(chunk, i) AS_FLOAT((SHIFT_TO(chunk[0], 2 * (i), 21) & 0x600000u) | ONE)
