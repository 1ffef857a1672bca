// 8-bit quants: WORDS words of 4 bytes q + 128, in order of k. A chunk is two words.

#define WORDS 8
#define RANGE 256.0f

#define CHUNK_WORDS 2
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_WORD(block, c * CHUNK_WORDS + w);
}

// 1 + (q + 128)/256
#define UNPACK(chunk, i) AS_FLOAT((SHIFT_TO(chunk[(i) / 4], 8 * ((i) % 4), 15) & 0x7f8000u) | ONE)
