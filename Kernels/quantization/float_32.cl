// Floats. A chunk is eight words.

#define WORDS 32

#define CHUNK_WORDS 8
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_WORD(block, c * CHUNK_WORDS + w);
}

#define UNPACK(chunk, i) AS_FLOAT(chunk[i])
