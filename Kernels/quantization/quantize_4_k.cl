// Q4_K and Q5_K: blocks of 256 in eight parts of 32; weight = d · scale · q − dmin · minimum, with q of 4 or 5 bits and each part's scale
// and minimum of 6.
//
// The search is for the least sum of squared errors. For each part several widths of a quant's step are tried: the elements are rounded,
// the line through (q, x) is fitted by least squares, and once more with the quants that it gives. d and dmin then bring the largest
// scale and minimum to 63, and each part takes, of the scales and minima beside its rounded ones, the pair with the least error; or
// no scale and its mean, where another part has made d too coarse for it.

#define BLOCK_SIZE 256
#define BLOCK_BYTES (FORMAT == 12 ? 144 : 176)
#define PARTS 8
#define STEPS (FORMAT == 12 ? 15 : 31)
#define WIDTHS 12

// The 32 elements of a part.
struct part {
  float16 low, high;
};

static inline struct part load_part(global const input_element *x, uint j) {
  const struct part part = {elements(x, 32 * j), elements(x, 32 * j + 16)};
  return part;
}

static inline float16 quants_of(float16 x, float minimum, float inverse) {
  return clamp(rint((x + minimum) * inverse), 0.0f, (float)STEPS);
}

// The scale and minimum (of at least zero) with the least squared error for the quants that `minimum` and `inverse` give, and that
// error less Σx².
static inline float fitted(const struct part *x, float minimum, float inverse, float sum, float *scale_out, float *minimum_out) {
  const float16 low = quants_of(x->low, minimum, inverse), high = quants_of(x->high, minimum, inverse);
  // Sums of integers below 2^24 are exact.
  const float q_sum = total(low + high), q_squares = total(fma(low, low, high * high));
  const float products = total(fma(high, x->high, low * x->low));
  const float determinant = 32.0f * q_squares - q_sum * q_sum;
  float scale = 0.0f, offset = 0.0f;
  if (determinant > 0.0f) {
    scale = quotient(fma(32.0f, products, -(sum * q_sum)), determinant);
    offset = quotient(fma(q_squares, sum, -(q_sum * products)), determinant);
  }
  if (determinant <= 0.0f || offset > 0.0f) {
    offset = 0.0f;
    scale = q_squares > 0.0f ? quotient(products, q_squares) : 0.0f;
  }
  *scale_out = scale;
  *minimum_out = 0.0f - offset;
  return scale > 0.0f ? -fma(scale, products, offset * sum) : FLT_MAX;
}

static inline void search_part(const struct part *x, float sum, float *best_scale, float *best_minimum) {
  const float least = fmin(-greatest(fmax(-x->low, -x->high)), 0.0f), most = greatest(fmax(x->low, x->high));
  *best_scale = 0.0f;
  *best_minimum = 0.0f - least;
  const float range = most - least;
  if (!is_normal(range)) return;
  float best = FLT_MAX;
  for (uint width = 0; width < WIDTHS; ++width) {
    float minimum = 0.0f - least, step_inverse = quotient((float)STEPS - 2.0f + 0.5f * (float)width, range);
    for (uint round = 0; round < 2; ++round) {
      float scale, fitted_minimum;
      const float error = fitted(x, minimum, step_inverse, sum, &scale, &fitted_minimum);
      if (error < best) {
        best = error;
        *best_scale = scale;
        *best_minimum = fitted_minimum;
      }
      if (scale <= 0.0f) break;
      minimum = fitted_minimum;
      step_inverse = inverse(scale);
    }
  }
}

static inline float error_of(const struct part *x, float scale, float minimum) {
  const float scale_inverse = inverse(scale);
  // Each product is of an `fma`, which no compiler can contract otherwise.
  const float16 low = fma(scale, quants_of(x->low, minimum, scale_inverse), -minimum) - x->low;
  const float16 high = fma(scale, quants_of(x->high, minimum, scale_inverse), -minimum) - x->high;
  return total(fma(high, high, low * low));
}

static inline void quantize_block(global const input_element *x, global uchar *y) {
  float scales[PARTS], minima[PARTS], sums[PARTS];
  float largest_scale = 0.0f, largest_minimum = 0.0f;
  for (uint j = 0; j < PARTS; ++j) {
    const struct part part = load_part(x, j);
    sums[j] = total(part.low + part.high);
    search_part(&part, sums[j], &scales[j], &minima[j]);
    largest_scale = fmax(largest_scale, scales[j]);
    largest_minimum = fmax(largest_minimum, minima[j]);
  }
  const ushort d_bits = half_bits(fmin(quotient(largest_scale, 63.0f), 65504.0f));
  // Never minus zero, which there are compilers that do not tell from zero.
  const ushort m_bits = largest_minimum > 0.0f ? half_bits(fmin(quotient(largest_minimum, 63.0f), 65504.0f)) : 0;
  const float d = half_to_float(d_bits), dmin = half_to_float(m_bits);
  const float d_inverse = inverse(d), m_inverse = inverse(dmin);
  store_half_bits(d_bits, y);
  store_half_bits(m_bits, y + 2);

  uchar steps[PARTS], offsets[PARTS];
  for (uint j = 0; j < PARTS; ++j) {
    const struct part part = load_part(x, j);
    const float mean_offset = rint(clamp(sums[j] * -0.03125f * m_inverse, 0.0f, 63.0f));
    const float step = rint(scales[j] * d_inverse), offset = rint(minima[j] * m_inverse);
    float best = FLT_MAX;
    uint best_step = 0, best_offset = 0;
    for (int k = 0; k < 10; ++k) {
      // The pair that rounding gives first: of two as good it stays.
      const int at = (k + 4) % 9;
      const float tried_step = k < 9 ? clamp(step + (float)(at / 3 - 1), 0.0f, 63.0f) : 0.0f;
      const float tried_offset = k < 9 ? clamp(offset + (float)(at % 3 - 1), 0.0f, 63.0f) : mean_offset;
      const float error = error_of(&part, d * tried_step, dmin * tried_offset);
      if (error < best) {
        best = error;
        best_step = (uint)tried_step;
        best_offset = (uint)tried_offset;
      }
    }
    steps[j] = (uchar)best_step;
    offsets[j] = (uchar)best_offset;
  }

  // 12 bytes: six bits of the first four scales and minima, under the high pairs of the others, whose nibbles come last.
  for (uint j = 0; j < 4; ++j) {
    y[4 + j] = (uchar)(steps[j] | (steps[j + 4] >> 4) << 6);
    y[8 + j] = (uchar)(offsets[j] | (offsets[j + 4] >> 4) << 6);
    y[12 + j] = (uchar)((steps[j + 4] & 15u) | (offsets[j + 4] & 15u) << 4);
  }
  // 32 bytes hold the nibbles of two parts, the low ones the first; before them in Q5_K bit j of 32 bytes is part j's high bit.
  global uchar *nibbles = y + (FORMAT == 12 ? 16 : 48);
  uchar16 high[2] = {0, 0};
  for (uint j = 0; j < PARTS; ++j) {
    const struct part part = load_part(x, j);
    const float minimum = dmin * (float)offsets[j], scale_inverse = inverse(d * (float)steps[j]);
    for (uint side = 0; side < 2; ++side) {
      const uchar16 q = convert_uchar16(quants_of(side == 0 ? part.low : part.high, minimum, scale_inverse));
      global uchar *bytes = nibbles + j / 2 * 32 + side * 16;
      vstore16(j % 2 == 0 ? q & (uchar)15 : vload16(0, bytes) | q << (uchar)4, 0, bytes);
      high[side] |= q >> (uchar)4 << (uchar)j;
    }
  }
  if (FORMAT == 13) {
    vstore16(high[0], 0, y + 16);
    vstore16(high[1], 0, y + 32);
  }
}
