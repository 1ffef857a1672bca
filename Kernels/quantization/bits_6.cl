// 6-bit quants in blocks of 16: 2 words of 8 low nibbles and 1 word of 16 high pairs of bits, in order of k. A chunk is a word
// of nibbles and, at the bottom of another, their high pairs.

#define WORDS 3
#define RANGE 64.0f

#define CHUNK_WORDS 2
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_LANES(block + c * LANES);
  chunk[1] = LOAD_LANES(block + 2 * LANES) >> (16 * c);
}

// 1 + q/64
#define UNPACK(chunk, i) \
  AS_FLOAT((SHIFT_TO(chunk[0], 4 * (i), 17) & 0x1e0000u) | (SHIFT_TO(chunk[1], 2 * (i), 21) & 0x600000u) | ONE)
