// A block's weights are d · q + m, halves d and m, q = RANGE · UNPACK: Q4_1, Q5_1.

#define SCALES 2
#define BLOCKS_PER_SCALE 1

static inline void load_scales(const lanes_h *packed, lanes_f *scale, lanes_f *minimum) {
  scale[0] = half_bits_to_float(packed[0]) * RANGE;
  minimum[0] = half_bits_to_float(packed[1]);
}

#define MINIMUM(scale, minimum, range) (minimum)

static inline lanes_f dequantized(const lanes_h *packed, int block, lanes_f unpacked) {
  return half_bits_to_float(packed[0]) * (unpacked * RANGE) + half_bits_to_float(packed[1]);
}
