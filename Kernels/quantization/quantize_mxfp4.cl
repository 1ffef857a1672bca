// MXFP4: blocks of 32 under a power of two, each element the nearest of ±{0, 1, 2, 3, 4, 6, 8, 12}/2 times it (OCP Microscaling Formats
// 1.0); of two as near, the one that comes first.
//
// The exponent is that of the largest magnitude, less 2. ggml's Python package takes it from a float32 logarithm, which rounds to the
// next integer for the numbers just below a power of two; here they are found by their distance from it.

#define BLOCK_SIZE 32
#define BLOCK_BYTES 17

// ⌊log2 d⌋ with the logarithm rounded to float32, for a normal d.
static inline int exponent_of(float d) {
  const int exponent = (int)(as_uint(d) >> 23) - 127;
  // d = 2^(exponent + 1) · (1 − n · 2^-24), whose logarithm lies n · 1.4427 · 2^-24 below exponent + 1.
  const uint n = 0x1000000u - ((as_uint(d) & 0x7fffffu) | 0x800000u);
  const int next = exponent + 1;
  if (n > 128 || next == 0) return exponent;
  // Half of the step between float32's numbers where the logarithm is.
  const float size = next > 0 ? as_float(as_uint((float)next) - 1) : (float)-next;
  const float half_step = as_float(as_uint(size) & 0x7f800000u) * 0x1p-24f;
  return (float)n * 1.44269504f * 0x1p-24f < half_step ? next : exponent;
}

static inline void quantize_block(global const input_element *x, global uchar *y) {
  float largest = 0.0f;
  for (uint i = 0; i < 32; ++i) largest = fmax(largest, fabs(element(x, i)));
  const uint e = is_normal(largest) ? (uint)clamp(exponent_of(largest) + 125, 0, 254) : 0;
  y[0] = (uchar)e;
  // Half of the power: 2^(e − 128).
  const float d = as_float(e < 2 ? 0x00200000u << e : (e - 1) << 23);
  const float values[8] = {0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 6.0f, 8.0f, 12.0f};
  for (uint i = 0; i < 16; ++i) {
    uint byte = 0;
    for (uint side = 0; side < 2; ++side) {
      const float value = element(x, i + 16 * side);
      float best = FLT_MAX;
      uint quant = 0;
      for (uint k = 0; k < 16; ++k) {
        const float error = fabs(d * (k < 8 ? values[k] : -values[k - 8]) - value);
        if (error < best) {
          best = error;
          quant = k;
        }
      }
      byte |= quant << 4 * side;
    }
    y[1 + i] = (uchar)byte;
  }
}
