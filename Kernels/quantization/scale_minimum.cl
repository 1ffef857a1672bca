// A block's weights are d · q + m, halves d and m, q = RANGE · UNPACK: Q4_1, Q5_1.

#define SCALES 2
#define BLOCKS_PER_SCALE 1

static inline void load_scale(PACKED packed, const int block, lanes_f *scale, lanes_f *minimum) {
  *scale = HALF_VALUE(packed, 0) * RANGE;
  *minimum = HALF_VALUE(packed, 1);
}

#define MINIMUM(scale, minimum, range) (minimum)

static inline lanes_f dequantized(PACKED packed, int block, lanes_f unpacked) {
  return HALF_VALUE(packed, 0) * (unpacked * RANGE) + HALF_VALUE(packed, 1);
}
