// Fills the two planes of quantization/weights.cl with random weights of about 0.01 to 0.1 in size, for benchmarks: any format
// unpacks them to finite numbers, and the same seed gives the same weights on every device.
//
// Quants are uniform. Of a set of scales the first half, the scale itself, is a small positive number; the second is a minimum
// that centers the weights where the format has one; the others hold packed scales, and any bits do.
//
//   views   weights: `word_count` words, of which the first `quant_words` are the plane of quants
//   units   (⌈word_count / RANDOM_WORDS⌉). One source serves both styles.

#include "quantization/both_styles.cl"
#include "quantization/weights.cl"

// A bijection of 32 bits whose results look random (Wellons, "Prospecting for hash functions": lowbias32).
static inline uint mixed(uint x) {
  x = (x ^ x >> 16) * 0x7feb352du;
  x = (x ^ x >> 15) * 0x846ca68bu;
  return x ^ x >> 16;
}

static inline uint random_quants(uint bits) {
#if IS_F32
  return (bits & 0x807fffffu) | 0x3c000000u;  // ± 2^-7 to 2^-6
#elif IS_F16
  return (bits & 0x83ff83ffu) | 0x20002000u;
#elif IS_BF16
  return (bits & 0x807f807fu) | 0x3c003c00u;
#else
  return bits;
#endif
}

#if SCALES > 0
// Half `s` of a set of scales.
static inline uint random_half(uint s, uint bits) {
#if IS_MXFP4
  return 119 + (bits & 3u);
#elif IS_IQ1_M
  // The scale's nibbles are the tops of four halves, the highest last.
  return s == 3 ? 0x1000u | (bits & 0xfffu) : bits & 0xffffu;
#else
  // 2^-14 where it multiplies another scale, else 2^-10, or less for quants of 8 bits; more where quants are −1, 0 and 1.
  const uint exponent = IS_TQ1_0 || IS_TQ2_0 ? 9 : IS_IQ1_S ? 6 : BLOCKS_PER_SCALE > 1 ? 1 : IS_Q8_0 ? 2 : 5;
  const uint half_range = IS_Q8_0 || IS_Q6_K || IS_Q5_0 || IS_Q5_1 || IS_Q5_K ? 4 : 3;
  if (s == 0) return exponent << 10 | (bits & 0x3ffu);
#if IS_Q4_1 || IS_Q5_1
  return 0x8000u | (exponent + half_range) << 10 | (bits & 0x3ffu);
#else
  return s == 1 ? (exponent + half_range) << 10 | (bits & 0x3ffu) : bits & 0xffffu;
#endif
#endif
}
#endif

// A quant's number where ASIDE is 1, so that styles have the same weights.
static inline ulong number_of(const ulong i) {
  const uint at = (uint)(i % (ASIDE * PANEL_ROWS));
  return i - at + at % ASIDE * PANEL_ROWS + at / ASIDE;
}

static inline uint random_word(const struct random_arguments *a, const ulong word) {
  const ulong i = word < a->quant_words ? number_of(word) : word;
  const uint bits = mixed((uint)i ^ mixed((uint)(i >> 32) ^ mixed(a->seed)));
#if SCALES > 0
  if (i >= a->quant_words) {
    const uint s = (uint)((i - a->quant_words) * 2 / LANES % SCALES);
    return random_half(s, bits) | random_half(s, mixed(bits)) << 16;
  }
#endif
  return random_quants(bits);
}

static inline void randomize_body(ROOTS, const struct random_arguments *a, const uint part, const uint unused_y, const uint unused_z) {
  const ulong end = min(a->word_count, (ulong)(part + 1) * RANDOM_WORDS);
  for (ulong i = (ulong)part * RANDOM_WORDS + FIRST_ITEM; i < end; i += LOCAL) VIEW(uint, 0, weights)[i] = random_word(a, i);
}
KERNEL(randomize, random_arguments, 1)
