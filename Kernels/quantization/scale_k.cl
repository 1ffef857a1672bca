// A block's weights are d · scale · q − dmin · minimum, q = RANGE · UNPACK.
//
//   Q4_K, Q5_K   8 blocks, scale and minimum of 6 bits. The halves are d, dmin, then 6 of 16 bits whose low 12 are
//                scale | minimum << 6 of blocks 0 to 5; block 6's 12 bits are the top 4 of the first three, block 7's of the last three.
//   Q2_K         16 blocks, scale and minimum of 4 bits. The halves are d, dmin, then 8 of two bytes scale | minimum << 4.

#if IS_Q2_K

#define SCALES 10
#define BLOCKS_PER_SCALE 16
#define SCALE_BITS 4

static inline lanes_u scale_pair(PACKED packed, int block) {
  return TO_UINT(HALF_OF(packed, 2 + block / 2)) >> (block % 2 * 8) & 0xffu;
}

#else

#define SCALES 8
#define BLOCKS_PER_SCALE 8
#define SCALE_BITS 6

static inline lanes_u scale_pair(PACKED packed, int block) {
  if (block < 6) return TO_UINT(HALF_OF(packed, 2 + block)) & 0xfffu;
  const int first = 2 + 3 * (block - 6);
  return TO_UINT(HALF_OF(packed, first)) >> 12 | TO_UINT(HALF_OF(packed, first + 1)) >> 12 << 4 |
         TO_UINT(HALF_OF(packed, first + 2)) >> 12 << 8;
}

#endif

static inline void load_scale(PACKED packed, const int block, lanes_f *scale, lanes_f *minimum) {
  const lanes_u pair = scale_pair(packed, block);
  *scale = HALF_VALUE(packed, 0) * RANGE * TO_FLOAT(pair & ((1u << SCALE_BITS) - 1));
  *minimum = -HALF_VALUE(packed, 1) * TO_FLOAT(pair >> SCALE_BITS);
}

#define MINIMUM(scale, minimum, range) (minimum)

static inline lanes_f dequantized(PACKED packed, int block, lanes_f unpacked) {
  const lanes_u pair = scale_pair(packed, block);
  const lanes_f scale = HALF_VALUE(packed, 0) * TO_FLOAT(pair & ((1u << SCALE_BITS) - 1));
  return scale * (unpacked * RANGE) - HALF_VALUE(packed, 1) * TO_FLOAT(pair >> SCALE_BITS);
}
