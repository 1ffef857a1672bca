// 8-bit quants: WORDS words of 4 bytes q + 128, in order of k. A chunk is two words.

#define WORDS 8
#define LARGEST 255
#define TOP_PLACE 16
#define OFFSET 128.0f

#define CHUNK_WORDS 2
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_WORD(block, c * CHUNK_WORDS + w);
}

#define FIELD LARGEST
#define FROM(i) ((i) % 4 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) / 4], FROM(i))
