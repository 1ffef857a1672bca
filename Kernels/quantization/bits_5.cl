// 5-bit quants: 1 word with the high bit of each, of weight 2i of chunk c at bit 8i + 4 + c, of weight 2i + 1 four lower, and 4 words of
// 8 low nibbles, in order of k. A chunk is a word with a byte for each even weight, and one for the odd.

#define WORDS 5
#define LARGEST 31
#define TOP_PLACE 24
#define OFFSET 16.0f

#define CHUNK_WORDS 2
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u low = LOAD_WORD(block, 1 + c), high = LOAD_WORD(block, 0) >> c;
  chunk[0] = (low & 0x0f0f0f0fu) | (high & 0x10101010u);
  chunk[1] = (low >> 4 & 0x0f0f0f0fu) | (high << 4 & 0x10101010u);
}

#define FIELD LARGEST
#define FROM(i) ((i) / 2 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], FROM(i))
