// 5-bit quants: 4 words of 8 nibbles with the upper 4 bits, in order of k, and 1 word with the lowest bit of each. A chunk is a
// word of nibbles and the word of lowest bits, turned so that a weight's lowest bit lies just below where its nibble does:
// before that, chunk c's bit i is at 4i − 1 − c (mod 32).

#define WORDS 5
#define RANGE 32.0f

#define CHUNK_WORDS 2
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_LANES(block + c * LANES);
  chunk[1] = rotate(LOAD_LANES(block + 4 * LANES), (lanes_u)c);
}

// 1 + q/32: nibble and lowest bit together, turned to the top of the mantissa under the exponent of 1.
#define NIBBLE_MASK(i) (15u << 4 * (i))
#define UNPACK(chunk, i)                                                                                              \
  AS_FLOAT((rotate((chunk[0] & NIBBLE_MASK(i)) | (chunk[1] & ~NIBBLE_MASK(i)), (lanes_u)((51 - 4 * (i)) % 32)) & 0x7c0000u) | ONE)
