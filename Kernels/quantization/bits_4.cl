// 4-bit quants: WORDS words of 8 nibbles, in order of k. A chunk is one word.

#define WORDS 4
#define LARGEST 15
#define TOP_PLACE 24
#define OFFSET 8.0f

#define CHUNK_WORDS 1
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, c);
}

#define FIELD LARGEST
#define FROM(i) (4 * (i))
#define UNPACK(chunk, i) PLACED(chunk[0], FROM(i))
