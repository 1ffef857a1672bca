// Q5_0: 32 weights d·(q − 16), q of 5 bits, d a half.
// Repacked, per row and block: 4 words of 8 low nibbles and 1 word of 32 high bits, in order of k; SCALES halves: d.

#define BLOCK 32
#define WORDS 5
#define SCALES 1
#define BLOCKS_PER_SCALE 1
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

inline void load_scales(const lanes_h *packed, lanes_f *scale, lanes_f *minimum) {
  const lanes_f d = half_bits_to_float(packed[0]);
  scale[0] = d * 32.0f;
  minimum[0] = d * -48.0f;
}

// The weight itself, rounded as the format's own definition rounds it.
inline lanes_f dequantized(const lanes_h *packed, int block, lanes_f unpacked) {
  return half_bits_to_float(packed[0]) * (unpacked * 32.0f - 48.0f);
}
