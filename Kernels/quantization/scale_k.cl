// 256 weights in 8 blocks, each d · scale · q − dmin · minimum, scale and minimum of 6 bits: Q4_K, Q5_K.
//
// The halves are d, dmin, then 6 of 16 bits whose low 12 are scale | minimum << 6 of blocks 0 to 5; block 6's 12 bits are the top
// 4 of the first three, block 7's of the last three.

#define SCALES 8
#define BLOCKS_PER_SCALE 8

inline lanes_u scale_pair(const lanes_h *packed, int block) {
  if (block < 6) return TO_UINT(packed[2 + block]) & 0xfffu;
  const int first = 2 + 3 * (block - 6);
  return TO_UINT(packed[first]) >> 12 | TO_UINT(packed[first + 1]) >> 12 << 4 | TO_UINT(packed[first + 2]) >> 12 << 8;
}

inline void load_scales(const lanes_h *packed, lanes_f *scale, lanes_f *minimum) {
  const lanes_f d = half_bits_to_float(packed[0]) * RANGE;
  const lanes_f d_minimum = half_bits_to_float(packed[1]);
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const lanes_u pair = scale_pair(packed, j);
    scale[j] = d * TO_FLOAT(pair & 63u);
    minimum[j] = -scale[j] - d_minimum * TO_FLOAT(pair >> 6);
  }
}

inline lanes_f dequantized(const lanes_h *packed, int block, lanes_f unpacked) {
  const lanes_u pair = scale_pair(packed, block);
  const lanes_f scale = half_bits_to_float(packed[0]) * TO_FLOAT(pair & 63u);
  return scale * (unpacked * RANGE - RANGE) - half_bits_to_float(packed[1]) * TO_FLOAT(pair >> 6);
}
