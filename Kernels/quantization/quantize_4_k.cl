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

// What is known of a block's parts, for all who have one of them.
struct block_space {
  SHARED float *scales, *minima, *sums;  // PARTS
  SHARED uint *steps, *offsets;          // PARTS
  SHARED uchar *quants;                  // BLOCK_SIZE
};

#define DECLARE_SPACE(blocks)                                                                 \
  SHARED float all_scales[PARTS * (blocks)], all_minima[PARTS * (blocks)], all_sums[PARTS * (blocks)]; \
  SHARED uint all_steps[PARTS * (blocks)], all_offsets[PARTS * (blocks)];                     \
  SHARED uchar all_quants[BLOCK_SIZE * (blocks)]
#define SPACE_OF(block)                                                                       \
  {all_scales + (block) * PARTS, all_minima + (block) * PARTS, all_sums + (block) * PARTS,    \
   all_steps + (block) * PARTS,  all_offsets + (block) * PARTS, all_quants + (block) * BLOCK_SIZE}

static inline void search_scales(global const input_element *x, const struct block_space *space, const uint j) {
  const struct part part = load_part(x, j);
  const float sum = total(part.low + part.high);
  float scale, minimum;
  search_part(&part, sum, &scale, &minimum);
  space->scales[j] = scale;
  space->minima[j] = minimum;
  space->sums[j] = sum;
}

// The halves of d and dmin.
static inline ushort2 common_scales(const struct block_space *space) {
  float scale = 0.0f, minimum = 0.0f;
  for (uint j = 0; j < PARTS; ++j) {
    scale = fmax(scale, space->scales[j]);
    minimum = fmax(minimum, space->minima[j]);
  }
  // Never minus zero, which there are compilers that do not tell from zero.
  return (ushort2)(half_bits(fmin(quotient(scale, 63.0f), 65504.0f)),
                   minimum > 0.0f ? half_bits(fmin(quotient(minimum, 63.0f), 65504.0f)) : 0);
}

// Part j's scale and minimum, and with these its quants.
static inline void search_steps(global const input_element *x, global uchar *y, const struct block_space *space, const uint j) {
  const struct part part = load_part(x, j);
  const ushort2 bits = common_scales(space);
  const float d = half_to_float(bits.x), dmin = half_to_float(bits.y), d_inverse = inverse(d), m_inverse = inverse(dmin);
  if (j == 0) {
    store_half_bits(bits.x, y);
    store_half_bits(bits.y, y + 2);
  }
  const float mean_offset = rint(clamp(space->sums[j] * -0.03125f * m_inverse, 0.0f, 63.0f));
  const float step = rint(space->scales[j] * d_inverse), offset = rint(space->minima[j] * m_inverse);
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
  space->steps[j] = best_step;
  space->offsets[j] = best_offset;
  const float minimum = dmin * (float)best_offset, scale_inverse = inverse(d * (float)best_step);
  vstore16(convert_uchar16(quants_of(part.low, minimum, scale_inverse)), 2 * j, space->quants);
  vstore16(convert_uchar16(quants_of(part.high, minimum, scale_inverse)), 2 * j + 1, space->quants);
}

// An eighth of the bytes.
static inline void store_part(global uchar *y, const struct block_space *space, const uint j) {
  SHARED const uint *steps = space->steps, *offsets = space->offsets;
  // 12 bytes: six bits of the first four scales and minima, under the high pairs of the others, whose nibbles come last.
  if (j < 4) {
    y[4 + j] = (uchar)(steps[j] | (steps[j + 4] >> 4) << 6);
    y[8 + j] = (uchar)(offsets[j] | (offsets[j + 4] >> 4) << 6);
    y[12 + j] = (uchar)((steps[j + 4] & 15u) | (offsets[j + 4] & 15u) << 4);
  }
  // 32 bytes hold the nibbles of two parts, the low ones the first; before them in Q5_K bit j of 32 bytes is part j's high bit.
  const uint at = j / 2 * 4 + j % 2;
  const uchar16 low = vload16(at, space->quants), high = vload16(at + 2, space->quants);
  vstore16((low & (uchar)15) | high << (uchar)4, j, y + (FORMAT == 12 ? 16 : 48));
  if (FORMAT == 13) {
    uchar4 bits = 0;
    for (uint part = 0; part < PARTS; ++part) bits |= (vload4(part * 8 + j, space->quants) >> (uchar)4) << (uchar)part;
    vstore4(bits, j, y + 16);
  }
}
