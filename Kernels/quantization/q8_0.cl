// Q8_0: 32 weights d·q, q a signed byte, d a half.
// Repacked, per row and block: WORDS words of 4 bytes q + 128, in order of k; SCALES halves: d.

#define BLOCK 32
#define WORDS 8
#define SCALES 1
#define BLOCKS_PER_SCALE 1
#define HAS_MINIMUM 1

#define CHUNK_WORDS 2
inline void load_chunk(global const uint *block, uint c, lanes_u *chunk) {
#pragma unroll
  for (uint w = 0; w < CHUNK_WORDS; ++w) chunk[w] = LOAD_LANES(block + (c * CHUNK_WORDS + w) * LANES);
}

// 1 + (q + 128)/256
#define UNPACK(chunk, i) AS_FLOAT((SHIFT_TO(chunk[(i) / 4], 8 * ((i) % 4), 15) & 0x7f8000u) | ONE)

inline void load_scales(const lanes_h *packed, lanes_f *scale, lanes_f *minimum) {
  const lanes_f d = half_bits_to_float(packed[0]);
  scale[0] = d * 256.0f;
  minimum[0] = d * -384.0f;
}

// The weight itself, rounded as the format's own definition rounds it.
inline lanes_f dequantized(const lanes_h *packed, int block, lanes_f unpacked) {
  return half_bits_to_float(packed[0]) * (unpacked * 256.0f - 384.0f);
}
