// BF16: the upper halves of floats, two to a word.

#define BLOCK 32
#define WORDS 16
#define SCALES 0
#define BLOCKS_PER_SCALE 1
#define HAS_MINIMUM 0

#define CHUNK_WORDS 4
inline void load_chunk(global const uint *block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_LANES(block + (c * CHUNK_WORDS + w) * LANES);
}

#define UNPACK(chunk, i) AS_FLOAT((i) % 2 ? chunk[(i) / 2] & 0xffff0000u : chunk[(i) / 2] << 16)
