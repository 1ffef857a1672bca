// Q4_0: 32 weights d·(q − 8), q of 4 bits, d a half.
// Repacked, per row and block: WORDS words of 8 nibbles in order of k; SCALES halves: d.

#define BLOCK 32
#define WORDS 4
#define SCALES 1
#define BLOCKS_PER_SCALE 1
#define HAS_MINIMUM 1

// A chunk is one word of 8 nibbles.
#define CHUNK_WORDS 1
inline void load_chunk(global const uint *block, uint c, lanes_u *chunk) { chunk[0] = LOAD_LANES(block + c * LANES); }

// 1 + q/16: the nibble becomes the top of the mantissa under the exponent of 1.
#define UNPACK(chunk, i) UNPACK_NIBBLE(chunk[0], i, 19)

inline void load_scales(const lanes_h *packed, lanes_f *scale, lanes_f *minimum) {
  const lanes_f d = half_bits_to_float(packed[0]);
  scale[0] = d * 16.0f;
  minimum[0] = d * -24.0f;
}

// The weight itself, rounded as the format's own definition rounds it.
inline lanes_f dequantized(const lanes_h *packed, int block, lanes_f unpacked) {
  return half_bits_to_float(packed[0]) * (unpacked * 16.0f - 24.0f);
}
