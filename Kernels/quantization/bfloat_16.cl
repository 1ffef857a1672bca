// The upper halves of floats, two to a word, in order of k. A chunk is four words.

#define WORDS 16

#define CHUNK_WORDS 4
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_WORD(block, c * CHUNK_WORDS + w);
}

#define UNPACK(chunk, i) AS_FLOAT((i) % 2 ? chunk[(i) / 2] & 0xffff0000u : chunk[(i) / 2] << 16)
