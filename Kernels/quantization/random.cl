// Fills the two planes of quantization/weights.cl with random weights of about 0.01 to 0.1 in size, for benchmarks: any format
// unpacks them to finite numbers, and the same seed gives the same weights on every device.
//
// Quants are uniform. Of a set of scales the first half, the scale itself, is a small positive number; the second is a minimum
// that centres the weights where the format has one; the others hold packed scales, and any bits do.
//
//   weights  `word_count` words, of which the first `quant_words` are the plane of quants
// global size (word_count and more); one work-item makes one word.

#undef SIMT
#define SIMT 1
#include "common/lanes.cl"
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

kernel void randomize(global uint *weights, const ulong quant_words, const ulong word_count, const uint seed) {
  const ulong i = get_global_id(0);
  if (i >= word_count) return;
  const uint bits = mixed((uint)i ^ mixed((uint)(i >> 32) ^ mixed(seed)));
#if SCALES > 0
  if (i >= quant_words) {
    const uint s = (uint)((i - quant_words) * 2 / LANES % SCALES);
    weights[i] = random_half(s, bits) | random_half(s, mixed(bits)) << 16;
    return;
  }
#endif
  weights[i] = random_quants(bits);
}
