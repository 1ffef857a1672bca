// Q6_K: blocks of 256 in sixteen parts of 16; weight = d · scale · q, q from −32 to 31, each part's scale a signed byte.
//
// The search is for the least sum of squared errors. For each part several quants are tried for the element of largest magnitude, −32 to
// −24, the others rounded in proportion, and the scale fitted by least squares. d then brings the largest scale to −128, and each part
// takes, of its rounded scale and those beside it, the one with the least error.

#define BLOCK_SIZE 256
#define BLOCK_BYTES 210
#define PARTS 16
#define WIDTHS 17

static inline float16 quants_of(float16 x, float inverse) { return clamp(rint(x * inverse), -32.0f, 31.0f); }

static inline float search_part(const float16 x) {
  const float most = greatest(x), least = -greatest(-x);
  const float largest = most >= -least ? most : least;
  if (!is_normal(largest)) return 0.0f;
  float best = 0.0f, best_scale = 0.0f;
  for (uint width = 0; width < WIDTHS; ++width) {
    const float16 q = quants_of(x, quotient(-32.0f + 0.5f * (float)width, largest));
    // `gain` is Σx² less the squared error.
    const float products = total(q * x), scale = quotient(products, total(q * q)), gain = scale * products;
    if (gain > best) {
      best = gain;
      best_scale = scale;
    }
  }
  return best_scale;
}

static inline float error_of(const float16 x, float scale) {
  const float16 rest = scale * quants_of(x, inverse(scale)) - x;
  return total(rest * rest);
}

static inline void quantize_block(global const input_element *x, global uchar *y) {
  float scales[PARTS];
  float largest = 0.0f;
  for (uint j = 0; j < PARTS; ++j) {
    scales[j] = search_part(elements(x, 16 * j));
    if (fabs(scales[j]) > fabs(largest)) largest = scales[j];
  }
  const ushort d_bits = half_bits(clamp(largest * -0.0078125f, -65504.0f, 65504.0f));
  const float d = half_to_float(d_bits);
  const float d_inverse = inverse(d);
  store_half_bits(d_bits, y + 208);

  char steps[PARTS];
  for (uint j = 0; j < PARTS; ++j) {
    const float16 part = elements(x, 16 * j);
    const float step = rint(scales[j] * d_inverse);
    float best = FLT_MAX;
    int best_step = 0;
    for (int k = 0; k < 3; ++k) {
      // The rounded scale first: of two as good it stays.
      const float tried = clamp(step + (float)((k + 1) % 3 - 1), -128.0f, 127.0f);
      const float error = error_of(part, d * tried);
      if (error < best) {
        best = error;
        best_step = (int)tried;
      }
    }
    steps[j] = (char)best_step;
    y[192 + j] = (uchar)steps[j];
  }

  // Each half of the block is four quarters of 32: quarter c has its nibbles in 32 bytes (c mod 2), low for c < 2, and its high pairs at
  // bit 2c of 32 bytes.
  for (uint side = 0; side < 2; ++side) {
    for (uint half_quarter = 0; half_quarter < 2; ++half_quarter) {
      uchar16 q[4];
      for (uint c = 0; c < 4; ++c) {
        const uint j = side * 8 + c * 2 + half_quarter;
        q[c] = convert_uchar16(quants_of(elements(x, 16 * j), inverse(d * (float)steps[j])) + 32.0f);
      }
      const uint i = 16 * half_quarter;
      vstore16(q[0] & (uchar)15 | q[2] << (uchar)4, 0, y + side * 64 + i);
      vstore16(q[1] & (uchar)15 | q[3] << (uchar)4, 0, y + side * 64 + 32 + i);
      const uchar16 pairs = q[0] >> (uchar)4 | q[1] >> (uchar)4 << (uchar)2 | q[2] >> (uchar)4 << (uchar)4 | q[3] >> (uchar)4 << (uchar)6;
      vstore16(pairs, 0, y + 128 + side * 32 + i);
    }
  }
}
