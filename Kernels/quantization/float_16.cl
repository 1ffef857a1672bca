// Halves, two to a word, in order of k. A chunk is four words.

#define WORDS 16

#define CHUNK_WORDS 4
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_WORD(block, c * CHUNK_WORDS + w);
}

#if SIMT && IN_PLACE
#define UNPACK(chunk, i) half_of(chunk[(i) / 2], (i) % 2)
#else
#define UNPACK(chunk, i) half_to_float((i) % 2 ? chunk[(i) / 2] >> 16 : chunk[(i) / 2] & 0xffffu)
#endif
