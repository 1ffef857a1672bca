// Blocks of 32 with a scale d as a half, and in two formats a minimum m:
//   Q4_0, Q5_0   d = the element of largest magnitude / −8 or −16, which so becomes the lowest quant; q = ⌊x/d + 8.5⌋ or 16.5
//   Q4_1, Q5_1   m = the least element, d = (the largest − m) / 15 or 31; q = ⌊(x − m)/d + 0.5⌋
//   Q8_0         d = the largest magnitude / 127; q = x/d rounded, ties away from zero
// x/d is x · (1/d), both rounded, with d before it is rounded to a half: as ggml's and its Python package's quantizers have it, to the
// bit, except that a block whose d or 1/d is below 2^-126 has quants for zero.

#define BLOCK_SIZE 32
#define HAS_MINIMUM (FORMAT == 3 || FORMAT == 7)
#define HIGH_BYTES (FORMAT == 6 || FORMAT == 7 ? 4 : 0)
#define HEAD_BYTES (HAS_MINIMUM ? 4 : 2)
#define BLOCK_BYTES (FORMAT == 8 ? 34 : HEAD_BYTES + HIGH_BYTES + 16)
#define STEPS (HIGH_BYTES > 0 ? 31 : 15)

static inline void quantize_block(global const input_element *x, global uchar *y) {
  float least = element(x, 0), most = least, largest = least;
  for (uint i = 1; i < 32; ++i) {
    const float value = element(x, i);
    if (value < least) least = value;
    if (value > most) most = value;
    if (fabs(value) > fabs(largest)) largest = value;
  }
#if FORMAT == 8
  const float d = quotient(fabs(largest), 127.0f);
  const float id = inverse(d);
  store_half(d, y);
  for (uint i = 0; i < 32; ++i) {
    // `round` is exact: ties away from zero.
    y[2 + i] = (uchar)(char)clamp(round(element(x, i) * id), -127.0f, 127.0f);
  }
#else
#if HAS_MINIMUM
  const float d = quotient(most - least, (float)STEPS), offset = least, shift = 0.5f;
  store_half(least, y + 2);
#else
  const float d = largest * (HIGH_BYTES > 0 ? -0.0625f : -0.125f), offset = 0.0f, shift = HIGH_BYTES > 0 ? 16.5f : 8.5f;
#endif
  const float id = inverse(d);
  store_half(d, y);
  uint high = 0;
  for (uint i = 0; i < 16; ++i) {
    const float a = HAS_MINIMUM ? element(x, i) - offset : element(x, i);
    const float b = HAS_MINIMUM ? element(x, i + 16) - offset : element(x, i + 16);
    const uint low_quant = (uint)clamp(a * id + shift, 0.0f, (float)STEPS);
    const uint high_quant = (uint)clamp(b * id + shift, 0.0f, (float)STEPS);
    y[HEAD_BYTES + HIGH_BYTES + i] = (uchar)((low_quant & 15u) | (high_quant & 15u) << 4);
    high |= low_quant >> 4 << i | high_quant >> 4 << (i + 16);
  }
  for (uint i = 0; i < HIGH_BYTES; ++i) y[HEAD_BYTES + i] = (uchar)(high >> 8 * i);
#endif
}
