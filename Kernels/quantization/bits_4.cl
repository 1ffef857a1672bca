// 4-bit quants: WORDS words of 8 nibbles, in order of k. A chunk is one word.

#define WORDS 4
#define LARGEST 15
#define TOP_PLACE 24
#define OFFSET 8.0f

#define CHUNK_WORDS 1
static inline void load_chunk(const lanes_h *packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, c);
}

#define PLACE(i) ((i) < 7 ? 4 * (i) : 0)
#define UNPACK(chunk, i) PLACED(chunk[0], LARGEST, 4 * (i))
