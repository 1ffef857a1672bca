// 5-bit quants: 4 words of 8 low nibbles and 1 word of 32 high bits, in order of k. A chunk is a word of nibbles and, at the
// bottom of another, their high bits.

#define WORDS 5
#define RANGE 32.0f

#define CHUNK_WORDS 2
inline void load_chunk(global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_LANES(block + c * LANES);
  chunk[1] = LOAD_LANES(block + 4 * LANES) >> (8 * c);
}

// 1 + q/32
#define UNPACK(chunk, i) \
  AS_FLOAT((SHIFT_TO(chunk[0], 4 * (i), 18) & 0x3c0000u) | (SHIFT_TO(chunk[1], i, 22) & 0x400000u) | ONE)
