// F16: halves, two to a word.

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

#define UNPACK(chunk, i) half_word_to_float(chunk[(i) / 2], (i) % 2)

inline lanes_f half_word_to_float(lanes_u word, int high) {
  const lanes_u bits = high ? word >> 16 : word & 0xffffu;
  const lanes_f magnitude = AS_FLOAT((bits & 0x7fffu) << 13) * (lanes_f)0x1p112f;
  return AS_FLOAT(AS_UINT(magnitude) | ((bits & 0x8000u) << 16));
}
