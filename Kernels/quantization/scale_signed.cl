// A block's weights are s · (RANGE · UNPACK − OFFSET), s = block_scale(packed, block), which each format defines here.
//
//   Q4_0, Q5_0, Q8_0, IQ4_NL   s = d, a half
//   MXFP4                      s = 2^(e − 128), E8M0: the half is e
//   TQ1_0, TQ2_0               s = d, for 8 blocks; TQ1_0 has its digits behind it
//   Q6_K                       s = d · a signed byte; halves: d, 8 pairs
//   Q3_K                       s = d · (6 bits − 32); halves: d, 4 of four low nibbles, 2 of eight high pairs, then the quants' high bits
//   IQ4_XS                     s = d · (6 bits − 32); halves: d, 1 of eight high pairs, 2 of four low nibbles
//   IQ2_*, IQ3_*               s = d · (4 bits + 1/2) · a power of 2; halves: d, four nibbles each, then what quantization/codebook_*.cl says
//   IQ1_S, IQ1_M               s = d · (2 · 3 bits + 1); halves: codebook_1.cl; IQ1_S: d first, bits 12 to 14 of a block's half;
//                              IQ1_M: four of 4 scales each, whose top nibbles are d

// Number i of the nibbles in order from half `first`, and of the pairs of bits.
#define NIBBLE_OF(packed, first, i) (TO_UINT(HALF_OF(packed, (first) + (i) / 4)) >> ((i) % 4 * 4) & 15u)
#define PAIR_OF(packed, first, i) (TO_UINT(HALF_OF(packed, (first) + (i) / 8)) >> ((i) % 8 * 2) & 3u)

#if IS_MXFP4
#define SCALES 1
#define BLOCKS_PER_SCALE 1
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u e = TO_UINT(HALF_OF(packed, 0));
  return AS_FLOAT(e < 2u ? (lanes_u)0x00200000u << e : (e - 1u) << 23);
}
#elif IS_TQ1_0 || IS_TQ2_0
#define SCALES (IS_TQ1_0 ? 27 : 1)
#define BLOCKS_PER_SCALE 8
static inline lanes_f block_scale(PACKED packed, int block) { return HALF_VALUE(packed, 0); }
#elif IS_Q6_K
#define SCALES 9
#define BLOCKS_PER_SCALE 16
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u pair = TO_UINT(HALF_OF(packed, 1 + block / 2));
  // Sign-extend the byte: flip its top bit, take 128 away.
  return HALF_VALUE(packed, 0) * (TO_FLOAT((block % 2 ? pair >> 8 : pair & 0xffu) ^ 0x80u) - 128.0f);
}
#elif IS_Q3_K
#define SCALES 23
#define BLOCKS_PER_SCALE 16
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u bits = NIBBLE_OF(packed, 1, block) | PAIR_OF(packed, 5, block) << 4;
  return HALF_VALUE(packed, 0) * (TO_FLOAT(bits) - 32.0f);
}
#elif IS_IQ4_XS
#define SCALES 4
#define BLOCKS_PER_SCALE 8
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u bits = NIBBLE_OF(packed, 2, block) | PAIR_OF(packed, 1, block) << 4;
  return HALF_VALUE(packed, 0) * (TO_FLOAT(bits) - 32.0f);
}
#elif IS_IQ2_XXS || IS_IQ2_XS || IS_IQ2_S
#define SCALES (IS_IQ2_XXS ? 3 : IS_IQ2_XS ? 7 : 9)
#define BLOCKS_PER_SCALE (IS_IQ2_XXS ? 8 : 16)
static inline lanes_f block_scale(PACKED packed, int block) {
  return HALF_VALUE(packed, 0) * (TO_FLOAT(NIBBLE_OF(packed, 1, block)) + 0.5f) * 0.25f;
}
#elif IS_IQ3_XXS || IS_IQ3_S
#define SCALES (IS_IQ3_XXS ? 3 : 7)
#define BLOCKS_PER_SCALE 8
static inline lanes_f block_scale(PACKED packed, int block) {
  return HALF_VALUE(packed, 0) * (TO_FLOAT(NIBBLE_OF(packed, 1, block)) + 0.5f) * (IS_IQ3_XXS ? 0.5f : 2.0f);
}
#elif IS_IQ1_S
#define SCALES 9
#define BLOCKS_PER_SCALE 8
static inline lanes_f block_scale(PACKED packed, int block) {
  return HALF_VALUE(packed, 0) * TO_FLOAT((TO_UINT(HALF_OF(packed, 1 + block)) >> 11 & 14u) + 1u);
}
#elif IS_IQ1_M
#define SCALES 28
#define BLOCKS_PER_SCALE 16
static inline lanes_f block_scale(PACKED packed, int block) {
  const lanes_u d = TO_UINT(HALF_OF(packed, 0)) >> 12 | (TO_UINT(HALF_OF(packed, 1)) >> 8 & 0xf0u) |
                    (TO_UINT(HALF_OF(packed, 2)) >> 4 & 0xf00u) | (TO_UINT(HALF_OF(packed, 3)) & 0xf000u);
  return half_to_float(d) * TO_FLOAT((TO_UINT(HALF_OF(packed, block / 4)) >> (block % 4 * 3) & 7u) * 2u + 1u);
}
#else
#define SCALES 1
#define BLOCKS_PER_SCALE 1
static inline lanes_f block_scale(PACKED packed, int block) { return HALF_VALUE(packed, 0); }
#endif

static inline void load_scale(PACKED packed, const int block, lanes_f *scale, lanes_f *minimum) {
  *scale = block_scale(packed, block) * RANGE;
}

// Exact: RANGE is a power of two.
#define MINIMUM(scale, minimum, range) ((scale) * (-OFFSET / (range)))

static inline lanes_f dequantized(PACKED packed, int block, lanes_f unpacked) {
  return block_scale(packed, block) * (unpacked * RANGE - OFFSET);
}
