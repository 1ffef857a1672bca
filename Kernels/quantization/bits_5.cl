// 5-bit quants: 1 word with the lowest bit of each, of weight i of chunk c at bit 4i − 1 − c (mod 32), and 4 words of 8 nibbles with
// the upper 4 bits, in order of k. A chunk is a word with a byte for each even weight, and one for the odd.

#define WORDS 5
#define RANGE 32.0f

#define CHUNK_WORDS 2
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  const lanes_u upper = LOAD_WORD(block, 1 + c), lowest = rotate(LOAD_WORD(block, 0), (lanes_u)(c + 1));
  chunk[0] = (upper << 1 & 0x1e1e1e1eu) | (lowest & 0x01010101u);
  chunk[1] = (upper >> 3 & 0x1e1e1e1eu) | (lowest >> 4 & 0x01010101u);
}

// 1 + q/32
#define UNPACK(chunk, i) AS_FLOAT((SHIFT_TO(chunk[(i) % 2], (i) / 2 * 8, 18) & 0x7c0000u) | ONE)
