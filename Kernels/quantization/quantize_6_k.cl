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

// What is known of a block's parts, for all who have one of them.
struct block_space {
  SHARED float *scales;  // PARTS
  SHARED uchar *quants;  // BLOCK_SIZE
};

#define DECLARE_SPACE(blocks)                     \
  SHARED float all_scales[PARTS * (blocks)];      \
  SHARED uchar all_quants[BLOCK_SIZE * (blocks)]
#define SPACE_OF(block) {all_scales + (block) * PARTS, all_quants + (block) * BLOCK_SIZE}

static inline void search_scales(global const input_element *x, const struct block_space *space, const uint j) {
  space->scales[j] = search_part(elements(x, 16 * j));
}

// Part j's scale, and with it its quants.
static inline void search_steps(global const input_element *x, global uchar *y, const struct block_space *space, const uint j) {
  float largest = 0.0f;
  for (uint i = 0; i < PARTS; ++i)
    if (fabs(space->scales[i]) > fabs(largest)) largest = space->scales[i];
  const ushort d_bits = half_bits(clamp(largest * -0.0078125f, -65504.0f, 65504.0f));
  const float d = half_to_float(d_bits), step = rint(space->scales[j] * inverse(d));
  if (j == 0) store_half_bits(d_bits, y + 208);
  const float16 part = elements(x, 16 * j);
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
  y[192 + j] = (uchar)(char)best_step;
  vstore16(convert_uchar16(quants_of(part, inverse(d * (float)best_step)) + 32.0f), j, space->quants);
}

// Sixteen of the bytes. Each half of the block is four quarters of 32: quarter c has its nibbles in 32 bytes (c mod 2), low for c < 2,
// and its high pairs at bit 2c of 32 bytes.
static inline void store_part(global uchar *y, const struct block_space *space, const uint j) {
  if (j >= 12) return;
  const uint run = j % 3, side = j / 6, half_quarter = j / 3 % 2, first = side * 8 + half_quarter;
  const uchar16 q0 = vload16(first, space->quants), q1 = vload16(first + 2, space->quants);
  const uchar16 q2 = vload16(first + 4, space->quants), q3 = vload16(first + 6, space->quants);
  const uchar16 nibbles = run == 0 ? (q0 & (uchar)15) | q2 << (uchar)4 : (q1 & (uchar)15) | q3 << (uchar)4;
  const uchar16 pairs =
      q0 >> (uchar)4 | q1 >> (uchar)4 << (uchar)2 | q2 >> (uchar)4 << (uchar)4 | q3 >> (uchar)4 << (uchar)6;
  vstore16(run < 2 ? nibbles : pairs, 0, y + (run < 2 ? side * 64 + run * 32 : 128 + side * 32) + 16 * half_quarter);
}
