// 4-bit quants: WORDS words of 8 nibbles, in order of k. A chunk is one word.

#define WORDS 4
#define RANGE 16.0f

#define CHUNK_WORDS 1
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, c);
}

// 1 + q/16: the nibble becomes the top of the mantissa under the exponent of 1.
#define UNPACK(chunk, i) AS_FLOAT((SHIFT_TO(chunk[0], 4 * (i), 19) & 0x780000u) | ONE)
