// TQ1_0 and TQ2_0: blocks of 256, d = the largest magnitude, q = x · (1/d) rounded: −1, 0 or 1, kept as 0, 1 or 2.

#define BLOCK_SIZE 256
#define BLOCK_BYTES (FORMAT == 34 ? 54 : 66)

static inline uint trit(global const input_element *x, uint i, float id) {
  return (uint)(clamp(round(element(x, i) * id), -1.0f, 1.0f) + 1.0f);
}

static inline void quantize_block(global const input_element *x, global uchar *y) {
  float d = 0.0f;
  for (uint i = 0; i < 256; ++i) d = fmax(d, fabs(element(x, i)));
  const float id = inverse(d);
#if FORMAT == 34
  // A byte has the five digits of a number below 243, the first the highest, as ⌈number · 256 / 243⌉: 32 bytes for 160 elements,
  // 16 bytes for 80, and 4 bytes with four digits for the last 16.
  for (uint j = 0; j < 52; ++j) {
    const uint width = j < 32 ? 32 : j < 48 ? 16 : 4, first = j < 32 ? j : j < 48 ? 128 + j : 192 + j;
    uint number = 0;
    for (uint digit = 0; digit < 5; ++digit) number = 3 * number + (j < 48 || digit < 4 ? trit(x, first + digit * width, id) : 0);
    y[j] = (uchar)((number * 256 + 242) / 243);
  }
#else
  // Pairs of bits: 32 bytes have 128 elements, at bit 0 the first 32.
  for (uint j = 0; j < 64; ++j) {
    uint pairs = 0;
    for (uint k = 0; k < 4; ++k) pairs |= trit(x, j / 32 * 128 + k * 32 + j % 32, id) << 2 * k;
    y[j] = (uchar)pairs;
  }
#endif
  store_half(d, y + BLOCK_BYTES - 2);
}
