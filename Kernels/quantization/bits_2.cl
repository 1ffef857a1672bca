// 2-bit quants: WORDS words of 16 pairs of bits, in order of k. A chunk is the half of a word, at the bottom.

#define WORDS (BLOCK / 16)
#define TOP_PLACE 14
#define OFFSET 1.0f

#define CHUNK_WORDS 1
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, c / 2) >> (16 * (c % 2));
}

#define FIELD 3
#define FROM(i) (2 * (i))
#define UNPACK(chunk, i) PLACED(chunk[0], FROM(i))
