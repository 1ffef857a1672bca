// 256 weights in 16 blocks of 16, each d · scale · (q − RANGE/2), scale a signed byte: Q6_K.
//
// The halves are d, then 8 pairs of scales.

#define SCALES 9
#define BLOCKS_PER_SCALE 16

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
    scale[j] = s * RANGE;
    minimum[j] = s * (-1.5f * RANGE);
  }
}

inline lanes_f dequantized(const lanes_h *packed, int block, lanes_f unpacked) {
  return half_bits_to_float(packed[0]) * block_scale(packed, block) * (unpacked * RANGE - 1.5f * RANGE);
}
