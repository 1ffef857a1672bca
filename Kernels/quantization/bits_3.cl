// 3-bit quants in blocks of 16: 1 word with the low pair of bits of each, of weight 2i of chunk c at bit 8i + 4c, of weight 2i + 1 two
// higher; the high bits of each block are a half of its super-block's, from FIRST_HIGH, of weight 2i at bit 2c + (0, 8, 4, 12)[i], of
// weight 2i + 1 one higher. A chunk is a word with a byte for each even weight, and one for the odd.

#define WORDS 1
#define FIRST_HIGH 7
#define TOP_PLACE 24
#define OFFSET 4.0f

#define CHUNK_WORDS 2
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const lanes_u low = LOAD_WORD(block, 0) >> (4 * c), bits = TO_UINT(HALF_OF(packed, FIRST_HIGH + part));
  const lanes_u high = (bits << 2 | bits << 14) >> (2 * c);
  chunk[0] = (low & 0x03030303u) | (high & 0x04040404u);
  chunk[1] = (low >> 2 & 0x03030303u) | (high >> 1 & 0x04040404u);
}

#define FIELD 7
#define FROM(i) ((i) / 2 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], FROM(i))
