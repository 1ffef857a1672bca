// 3-bit quants in blocks of 16: 1 word of 16 low pairs of bits, in order of k; the high bits of each block are a half of its super-
// block's, from FIRST_HIGH. A chunk is half a word of pairs and its high bits, each at the bottom.

#define WORDS 1
#define FIRST_HIGH 7
#define RANGE 8.0f
#define OFFSET 12.0f

#define CHUNK_WORDS 2
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, 0) >> (16 * c);
  chunk[1] = TO_UINT(packed[FIRST_HIGH + part]) >> (8 * c);
}

// 1 + q/8
#define UNPACK(chunk, i) \
  AS_FLOAT((SHIFT_TO(chunk[0], 2 * (i), 20) & 0x300000u) | (SHIFT_TO(chunk[1], i, 22) & 0x400000u) | ONE)
