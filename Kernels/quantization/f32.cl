// F32: floats.

#define BLOCK 32
#define WORDS 32
#define SCALES 0
#define BLOCKS_PER_SCALE 1
#define HAS_MINIMUM 0

#define CHUNK_WORDS 8
inline void load_chunk(global const uint *block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_LANES(block + (c * CHUNK_WORDS + w) * LANES);
}

#define UNPACK(chunk, i) AS_FLOAT(chunk[i])
