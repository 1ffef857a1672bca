// A block's weights are d · (q − RANGE/2), d a half: Q4_0, Q5_0, and Q8_0 with its bytes 128 higher.

#define SCALES 1
#define BLOCKS_PER_SCALE 1

inline void load_scales(const lanes_h *packed, lanes_f *scale, lanes_f *minimum) {
  const lanes_f d = half_bits_to_float(packed[0]);
  scale[0] = d * RANGE;
  minimum[0] = d * (-1.5f * RANGE);
}

inline lanes_f dequantized(const lanes_h *packed, int block, lanes_f unpacked) {
  return half_bits_to_float(packed[0]) * (unpacked * RANGE - 1.5f * RANGE);
}
