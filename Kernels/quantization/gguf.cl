// How GGUF lays a block out: GGUF_BYTES for the weights under one set of scales, and the words and halves that
// quantization/weights.cl wants of them: quant_word(block, part, w) and scale_half(block, s).

static inline uint word_at(global const uchar *p) { return as_uint(vload4(0, p)); }
static inline ushort half_at(global const uchar *p) { return as_ushort(vload2(0, p)); }

// The nibbles that start at bit `shift` of each of 8 bytes, in order.
static inline uint nibbles_at(global const uchar *p, uint shift) {
  uint low = word_at(p) >> shift & 0x0f0f0f0fu, high = word_at(p + 4) >> shift & 0x0f0f0f0fu;
  low = (low | low >> 4) & 0x00ff00ffu;
  high = (high | high >> 4) & 0x00ff00ffu;
  return (low | low >> 8) & 0xffffu | (high | high >> 8) << 16;
}

// The high bits of chunk c's 5-bit quants as quantization/bits_5.cl wants them.
static inline uint spread_bits(uint bits, uint c) {
  uint spread = bits & 255u;
  spread = (spread | spread << 12) & 0x000f000fu;
  spread = (spread | spread << 6) & 0x03030303u;
  spread = (spread | spread << 3) & 0x11111111u;
  return ((spread << 4 & 0x10101010u) | (spread >> 4 & 0x01010101u)) << c;
}

// Weights 0–15 are the low nibbles of 16 bytes, weights 16–31 the high ones.
static inline uint nibbles_of_32(global const uchar *p, uint w) { return nibbles_at(p + w % 2 * 8, w / 2 * 4); }

// The pairs of bits that start at bit `shift` of each of 16 bytes, in order; and the bits that are bit `shift`.
static inline uint pairs_at(global const uchar *p, uint shift) {
  uint word = 0;
  for (uint i = 0; i < 16; i += 4) {
    const uint bits = word_at(p + i) >> shift & 0x03030303u;
    word |= ((bits | bits >> 6 | bits >> 12 | bits >> 18) & 255u) << 2 * i;
  }
  return word;
}
static inline uint bits_at(global const uchar *p, uint shift) {
  uint word = 0;
  for (uint i = 0; i < 16; i += 4) {
    const uint bits = word_at(p + i) >> shift & 0x01010101u;
    word |= ((bits | bits >> 7 | bits >> 14 | bits >> 21) & 15u) << i;
  }
  return word;
}

#if SCALES == 0

#define GGUF_BYTES (4 * WORDS)
static inline uint quant_word(global const uchar *block, uint part, uint w) { return word_at(block + 4 * w); }

#elif IS_Q4_0 || IS_Q4_1

// d, (m,) 16 bytes of nibbles
#define GGUF_BYTES (2 * SCALES + 16)
static inline uint quant_word(global const uchar *block, uint part, uint w) { return nibbles_of_32(block + 2 * SCALES, w); }
static inline ushort scale_half(global const uchar *block, uint s) { return half_at(block + 2 * s); }

#elif IS_Q5_0 || IS_Q5_1

// d, (m,) 32 high bits, 16 bytes of nibbles
#define GGUF_BYTES (2 * SCALES + 20)
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  global const uchar *nibbles = block + 2 * SCALES + 4;
  if (w > 0) return nibbles_of_32(nibbles, w - 1);
  uint word = 0;
  for (uint c = 0; c < 4; ++c) word |= spread_bits(block[2 * SCALES + c], c);
  return word;
}
static inline ushort scale_half(global const uchar *block, uint s) { return half_at(block + 2 * s); }

#elif IS_Q8_0

// d, 32 signed bytes
#define GGUF_BYTES 34
static inline uint quant_word(global const uchar *block, uint part, uint w) { return word_at(block + 2 + 4 * w) ^ 0x80808080u; }
static inline ushort scale_half(global const uchar *block, uint s) { return half_at(block); }

#elif IS_Q4_K || IS_Q5_K

// d, dmin, 12 bytes of scales and minima, (32 bytes of high bits, bit b of byte i for weight i of block b,)
// 128 bytes of nibbles: 32 bytes hold two blocks, the low nibbles the first
#define HIGH_BYTES (IS_Q5_K ? 32 : 0)
#define GGUF_BYTES (144 + HIGH_BYTES)
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  global const uchar *nibbles = block + 16 + HIGH_BYTES + part / 2 * 32;
  const uint shift = part % 2 * 4;
#if IS_Q4_K
  return nibbles_at(nibbles + w * 8, shift);
#else
  if (w > 0) return nibbles_at(nibbles + (w - 1) * 8, shift);
  uint word = 0;
  for (uint c = 0; c < 4; ++c) word |= spread_bits(bits_at(block + 16 + c / 2 * 16, part) >> c % 2 * 8, c);
  return word;
#endif
}
// scale | minimum << 6 of block j, from the file's 12 bytes
static inline uint packed_pair(global const uchar *s, uint j) {
  if (j < 4) return (s[j] & 63u) | (s[j + 4] & 63u) << 6;
  return (s[j + 4] & 15u) | s[j - 4] >> 6 << 4 | (uint)(s[j + 4] >> 4) << 6 | (uint)(s[j] >> 6) << 10;
}
static inline ushort scale_half(global const uchar *block, uint s) {
  if (s < 2) return half_at(block + 2 * s);
  const uint j = s - 2;
  return packed_pair(block + 4, j) | (packed_pair(block + 4, 6 + j / 3) >> 4 * (j % 3) & 15u) << 12;
}

#elif IS_Q6_K

// 128 bytes of low nibbles, 64 bytes of high pairs, 16 signed scales, d. Each half of the 256 weights is four quarters of 32:
// quarter c has its nibbles in 32 bytes (c mod 2), low for c < 2, and its pairs at bit 2c of 32 bytes.
#define GGUF_BYTES 210
static inline uint quant_word(global const uchar *block, uint part, uint w) {
  const uint side = part / 8, quarter = part % 8 / 2, first = part % 2 * 16;
  if (w > 0) return nibbles_at(block + side * 64 + quarter % 2 * 32 + first + (w - 1) * 8, quarter / 2 * 4);
  // As quantization/bits_6.cl wants them.
  const uint pairs = pairs_at(block + 128 + side * 32 + first, 2 * quarter);
  uint word = 0;
  for (uint i = 0; i < 16; ++i) word |= (pairs >> 2 * i & 3u) << (i % 8 / 2 * 8 + 4 - i / 8 * 4 + i % 2 * 2);
  return word;
}
static inline ushort scale_half(global const uchar *block, uint s) {
  return s == 0 ? half_at(block + 208) : half_at(block + 192 + 2 * (s - 1));
}

#else
#include "quantization/gguf_more.cl"
#endif
