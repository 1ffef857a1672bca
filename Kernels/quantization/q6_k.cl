// Q6_K: 256 weights in 16 blocks of 16, each d·scale·(q − 32); q of 6 bits, scale a signed byte.
// Repacked, per row and block: 2 words of 8 low nibbles and 1 word of 16 high pairs of bits; per 256 weights SCALES halves: d,
// then 8 pairs of scales.

#define BLOCK 16
#define WORDS 3
#define SCALES 9
#define BLOCKS_PER_SCALE 16
#define HAS_MINIMUM 1

// A chunk is a word of 8 low nibbles and, at the bottom of another, their 8 high pairs of bits.
#define CHUNK_WORDS 2
inline void load_chunk(global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_LANES(block + c * LANES);
  chunk[1] = LOAD_LANES(block + 2 * LANES) >> (16 * c);
}

// 1 + q/64
#define UNPACK(chunk, i) \
  AS_FLOAT((SHIFT_TO(chunk[0], 4 * (i), 17) & 0x1e0000u) | (SHIFT_TO(chunk[1], 2 * (i), 21) & 0x600000u) | ONE)

// The signed scale of a block
inline lanes_f block_scale(const lanes_h *packed, int block) {
  const lanes_u pair = TO_UINT(packed[1 + block / 2]);
  // Sign-extend the byte: flip its top bit, take 128 away.
  return TO_FLOAT((block % 2 ? pair >> 8 : pair & 0xffu) ^ 0x80u) - 128.0f;
}

inline void load_scales(const lanes_h *packed, lanes_f *scale, lanes_f *minimum) {
  const lanes_f d = half_bits_to_float(packed[0]);
#pragma unroll
  for (int j = 0; j < 16; ++j) {
    const lanes_f s = d * block_scale(packed, j);
    scale[j] = s * 64.0f;
    minimum[j] = s * -96.0f;
  }
}

// The weight itself, rounded as the format's own definition rounds it.
inline lanes_f dequantized(const lanes_h *packed, int block, lanes_f unpacked) {
  return half_bits_to_float(packed[0]) * block_scale(packed, block) * (unpacked * 64.0f - 96.0f);
}
