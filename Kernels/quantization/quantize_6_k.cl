// Q6_K: blocks of 256 in sixteen parts of 16; weight = d · scale · q, q from −32 to 31, each part's scale a signed byte.
//
// The search is for the least sum of squared errors. For each part several quants are tried for the element of largest magnitude, −32 to
// −24, the others rounded in proportion, and the scale fitted by least squares. d then brings the largest scale to −128, and each part
// takes, of its rounded scale and those beside it, the one with the least error.

#define BLOCK_SIZE 256
#define BLOCK_BYTES 210
#define PARTS 16
#define WIDTHS 17

static inline float quant_of(float x, float inverse) { return clamp(rint(x * inverse), -32.0f, 31.0f); }

static inline float search_part(const float *x) {
  float largest = 0.0f;
  for (uint i = 0; i < 16; ++i) {
    if (fabs(x[i]) > fabs(largest)) largest = x[i];
  }
  if (!is_normal(largest)) return 0.0f;
  float best = 0.0f, best_scale = 0.0f;
  for (uint width = 0; width < WIDTHS; ++width) {
    const float step_inverse = quotient(-32.0f + 0.5f * (float)width, largest);
    float squares = 0.0f, products = 0.0f;
    for (uint i = 0; i < 16; ++i) {
      const float q = quant_of(x[i], step_inverse);
      squares += q * q;
      products = fma(q, x[i], products);
    }
    // Σx² less the squared error.
    const float scale = quotient(products, squares), gain = scale * products;
    if (gain > best) {
      best = gain;
      best_scale = scale;
    }
  }
  return best_scale;
}

static inline float error_of(const float *x, float scale) {
  const float scale_inverse = inverse(scale);
  float error = 0.0f;
  for (uint i = 0; i < 16; ++i) {
    const float rest = scale * quant_of(x[i], scale_inverse) - x[i];
    error = fma(rest, rest, error);
  }
  return error;
}

static inline void quantize_block(global const input_element *x, global uchar *y) {
  float scales[PARTS], part[16];
  float largest = 0.0f;
  for (uint j = 0; j < PARTS; ++j) {
    for (uint i = 0; i < 16; ++i) part[i] = element(x, 16 * j + i);
    scales[j] = search_part(part);
    if (fabs(scales[j]) > fabs(largest)) largest = scales[j];
  }
  const ushort d_bits = half_bits(clamp(largest * -0.0078125f, -65504.0f, 65504.0f));
  const float d = half_value(d_bits);
  const float d_inverse = inverse(d);
  store_half_bits(d_bits, y + 208);

  char steps[PARTS];
  for (uint j = 0; j < PARTS; ++j) {
    for (uint i = 0; i < 16; ++i) part[i] = element(x, 16 * j + i);
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
    for (uint i = 0; i < 32; ++i) {
      uint q[4];
      for (uint c = 0; c < 4; ++c) {
        const uint at = side * 128 + c * 32 + i;
        q[c] = (uint)((int)quant_of(element(x, at), inverse(d * (float)steps[at / 16])) + 32);
      }
      y[side * 64 + i] = (uchar)((q[0] & 15u) | (q[2] & 15u) << 4);
      y[side * 64 + 32 + i] = (uchar)((q[1] & 15u) | (q[3] & 15u) << 4);
      y[128 + side * 32 + i] = (uchar)(q[0] >> 4 | q[1] >> 4 << 2 | q[2] >> 4 << 4 | q[3] >> 4 << 6);
    }
  }
}
