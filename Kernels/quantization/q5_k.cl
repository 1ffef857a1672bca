// Q5_K: 256 weights in 8 blocks of 32, each d·scale·q − dmin·minimum; q of 5 bits, scale and minimum of 6 bits.
// Repacked, per row and block: 4 words of 8 low nibbles and 1 word of 32 high bits; per 256 weights
// SCALES halves: d, dmin, then 6 of 16 bits whose low 12 are scale | minimum << 6 of blocks 0 to 5; block 6's 12 bits are the
// top 4 of the first three, block 7's of the last three.

#define BLOCK 32
#define WORDS 5
#define SCALES 8
#define BLOCKS_PER_SCALE 8
#define HAS_MINIMUM 1

// A chunk is a word of 8 low nibbles and, at the bottom of another, their 8 high bits.
#define CHUNK_WORDS 2
inline void load_chunk(global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_LANES(block + c * LANES);
  chunk[1] = LOAD_LANES(block + 4 * LANES) >> (8 * c);
}

// 1 + q/32
#define UNPACK(chunk, i) \
  AS_FLOAT((SHIFT_TO(chunk[0], 4 * (i), 18) & 0x3c0000u) | (SHIFT_TO(chunk[1], i, 22) & 0x400000u) | ONE)

// scale | minimum << 6 of a block
inline lanes_u scale_pair(const lanes_h *packed, int block) {
  if (block < 6) return TO_UINT(packed[2 + block]) & 0xfffu;
  const int first = 2 + 3 * (block - 6);
  return TO_UINT(packed[first]) >> 12 | TO_UINT(packed[first + 1]) >> 12 << 4 | TO_UINT(packed[first + 2]) >> 12 << 8;
}

inline void load_scales(const lanes_h *packed, lanes_f *scale, lanes_f *minimum) {
  const lanes_f d = half_bits_to_float(packed[0]) * 32.0f;
  const lanes_f d_minimum = half_bits_to_float(packed[1]);
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const lanes_u pair = scale_pair(packed, j);
    scale[j] = d * TO_FLOAT(pair & 63u);
    minimum[j] = -scale[j] - d_minimum * TO_FLOAT(pair >> 6);
  }
}

// The weight itself, rounded as the format's own definition rounds it.
inline lanes_f dequantized(const lanes_h *packed, int block, lanes_f unpacked) {
  const lanes_u pair = scale_pair(packed, block);
  const lanes_f scale = half_bits_to_float(packed[0]) * TO_FLOAT(pair & 63u);
  return scale * (unpacked * 32.0f - 32.0f) - half_bits_to_float(packed[1]) * TO_FLOAT(pair >> 6);
}
