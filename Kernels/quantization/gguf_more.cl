// As quantization/gguf.cl, for the formats of fewer than 4 bits and those with tables.

// Sign bits with bit i of byte c moved to bit 4i + c: as chunks of 8 weights want them.
static inline uint woven_signs(uint bits) {
  uint word = 0;
  for (uint c = 0; c < 4; ++c)
    for (uint i = 0; i < 8; ++i) word |= (bits >> (8 * c + i) & 1u) << (4 * i + c);
  return word;
}
// The 8 signs that 7 bits stand for: their number is even.
static inline uint eight_signs(uint seven) { return seven | (popcount(seven) & 1u) << 7; }
// Those of a word of four times 7 bits.
static inline uint all_signs(uint word) {
  uint bits = 0;
  for (uint c = 0; c < 4; ++c) bits |= eight_signs(word >> 7 * c & 127u) << 8 * c;
  return bits;
}

#if IS_Q2_K

// 16 bytes scale | minimum << 4, 64 bytes of pairs, d, dmin. Each half of the 256 weights is four quarters of 32: quarter c has its
// pairs at bit 2c of 32 bytes.
#define GGUF_BYTES 84
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  return pairs_at(block + 16 + part / 8 * 32 + part % 2 * 16, part % 8 / 2 * 2);
}
static inline ushort scale_half(global const uchar *block, uint s) { return half_at(block + (s < 2 ? 80 + 2 * s : 2 * (s - 2))); }

#elif IS_Q3_K

// 32 bytes of high bits, bit b of byte i for weight i of 32 number b, 64 bytes of low pairs as in Q2_K, 12 bytes of scales, d. Scale j
// has its low nibble in byte j mod 8, its high pair in byte 8 + j mod 4.
#define GGUF_BYTES 110
// As quantization/bits_3.cl wants them.
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  const uint pairs = pairs_at(block + 32 + part / 8 * 32 + part % 2 * 16, part % 8 / 2 * 2);
  uint word = 0;
  for (uint i = 0; i < 16; ++i) word |= (pairs >> 2 * i & 3u) << (i % 8 / 2 * 8 + i / 8 * 4 + i % 2 * 2);
  return word;
}
static inline uint high_half(uint bits) {
  uint half_bits = 0;
  for (uint i = 0; i < 16; ++i) half_bits |= (bits >> i & 1u) << (i / 8 * 2 + i % 2 + i % 4 / 2 * 8 + i % 8 / 4 * 4);
  return half_bits;
}
static inline ushort scale_half(global const uchar *block, uint s) {
  if (s == 0) return half_at(block + 108);
  if (s >= 7) return high_half(bits_at(block + (s - 7) % 2 * 16, (s - 7) / 2));
  global const uchar *scales = block + 96;
  uint bits = 0;
  if (s < 5)
    for (uint i = 0; i < 4; ++i) bits |= (scales[(s - 1) % 2 * 4 + i] >> (s - 1) / 2 * 4 & 15u) << 4 * i;
  else
    for (uint i = 0; i < 8; ++i) bits |= (scales[8 + i % 4] >> ((s - 5) * 4 + i / 4 * 2) & 3u) << 2 * i;
  return bits;
}

#elif IS_IQ4_NL || IS_MXFP4

// d, or one byte e, 16 bytes of nibbles
#define GGUF_BYTES (IS_MXFP4 ? 17 : 18)
static inline uint quant_word(global const uchar *block, uint part, uint w) { return nibbles_of_32(block + GGUF_BYTES - 16, w); }
static inline ushort scale_half(global const uchar *block, uint s) { return IS_MXFP4 ? block[0] : half_at(block); }

#elif IS_IQ4_XS

// d, high pairs of 8 scales, their low nibbles, 8 times 16 bytes of nibbles
#define GGUF_BYTES 136
static inline uint quant_word(global const uchar *block, uint part, uint w) { return nibbles_of_32(block + 8 + part * 16, w); }
static inline ushort scale_half(global const uchar *block, uint s) { return half_at(block + 2 * s); }

#elif IS_TQ1_0

// 52 bytes of digits, d
#define GGUF_BYTES 54
static inline uint quant_word(global const uchar *block, uint part, uint w) { return 0; }
static inline ushort scale_half(global const uchar *block, uint s) { return half_at(block + (s == 0 ? 52 : 2 * (s - 1))); }

#elif IS_TQ2_0

// 64 bytes of pairs as in Q2_K, d
#define GGUF_BYTES 66
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  return pairs_at(block + part / 4 * 32 + w * 16, part % 4 * 2);
}
static inline ushort scale_half(global const uchar *block, uint s) { return half_at(block + 64); }

#elif IS_IQ1_S

// d, 32 low bytes of indices, 8 halves: high bits of four, scale, sign
#define GGUF_BYTES 50
static inline uint quant_word(global const uchar *block, uint part, uint w) { return word_at(block + 2 + 4 * part); }
static inline ushort scale_half(global const uchar *block, uint s) { return half_at(block + (s == 0 ? 0 : 34 + 2 * (s - 1))); }

#elif IS_IQ1_M

// 32 low bytes of indices, 16 bytes of two high nibbles, 4 halves of scales
#define GGUF_BYTES 56
static inline uint quant_word(global const uchar *block, uint part, uint w) { return 0; }
static inline ushort scale_half(global const uchar *block, uint s) { return half_at(block + (s < 4 ? 48 + 2 * s : 2 * (s - 4))); }

#elif IS_IQ2_XXS

// d, 8 times: 4 indices, a word of 4 · 7 signs and a scale
#define GGUF_BYTES 66
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  const uint word = word_at(block + 2 + 8 * part + 4 * w);
  return w == 0 ? word : woven_signs(all_signs(word));
}
static inline ushort scale_half(global const uchar *block, uint s) {
  if (s == 0) return half_at(block);
  uint bits = 0;
  for (uint i = 0; i < 4; ++i) bits |= word_at(block + 6 + 8 * (4 * (s - 1) + i)) >> 28 << 4 * i;
  return bits;
}

#elif IS_IQ2_XS || IS_IQ2_S

// IQ2_XS: d, 32 halves index | 7 signs << 9, 8 bytes of two scales
// IQ2_S: d, 32 low bytes of indices, 32 bytes of signs, 8 bytes of 4 high pairs, 8 bytes of two scales
#define GGUF_BYTES (IS_IQ2_XS ? 74 : 82)
static inline uint index_at(global const uchar *block, uint chunk) {
  return IS_IQ2_XS ? half_at(block + 2 + 2 * chunk) & 511u : block[2 + chunk] | (block[66 + chunk / 4] >> chunk % 4 * 2 & 3u) << 8;
}
static inline uint signs_at(global const uchar *block, uint chunk) {
  return IS_IQ2_XS ? eight_signs(half_at(block + 2 + 2 * chunk) >> 9) : block[34 + chunk];
}
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  uint word = 0;
  for (uint c = 0; c < 2; ++c) {
    const uint signs = signs_at(block, 2 * part + c);
    word |= (index_at(block, 2 * part + c) & 255u) << 8 * c;
    for (uint i = 0; i < 8; ++i) word |= (signs >> i & 1u) << (16 + 2 * c + i / 4 + i % 4 * 4);
  }
  return word;
}
static inline ushort scale_half(global const uchar *block, uint s) {
  if (s == 0) return half_at(block);
  if (s < 5) return half_at(block + GGUF_BYTES - 8 + 2 * (s - 1));
  uint bits = 0;
  for (uint i = 0; i < 16 / HIGH_BITS; ++i)
    bits |= index_at(block, (s - 5) * (16 / HIGH_BITS) + i) >> 8 << HIGH_BITS * i;
  return bits;
}

#elif IS_IQ3_XXS

// d, 64 indices, 8 words of 4 · 7 signs and a scale
#define GGUF_BYTES 98
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  return w > 0 ? word_at(block + 2 + 8 * part + 4 * (w - 1)) : woven_signs(all_signs(word_at(block + 66 + 4 * part)));
}
static inline ushort scale_half(global const uchar *block, uint s) {
  if (s == 0) return half_at(block);
  uint bits = 0;
  for (uint i = 0; i < 4; ++i) bits |= word_at(block + 66 + 4 * (4 * (s - 1) + i)) >> 28 << 4 * i;
  return bits;
}

#elif IS_IQ3_S

// d, 64 low bytes of indices, 64 ninth bits, 32 bytes of signs, 4 bytes of two scales
#define GGUF_BYTES 110
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  return w > 0 ? word_at(block + 2 + 8 * part + 4 * (w - 1)) : woven_signs(word_at(block + 74 + 4 * part));
}
static inline ushort scale_half(global const uchar *block, uint s) {
  return half_at(block + (s == 0 ? 0 : s < 3 ? 106 + 2 * (s - 1) : 66 + 2 * (s - 3)));
}

#endif
