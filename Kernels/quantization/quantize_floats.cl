// float32, float16 and bfloat16: each element rounded to nearest, ties to even. What is no number or infinite stays so.

#define BLOCK_SIZE 1
#define BLOCK_BYTES (FORMAT == 0 ? 4 : 2)

static inline void store_bits(uint bits, global uchar *y) {
  for (uint i = 0; i < BLOCK_BYTES; ++i) y[i] = (uchar)(bits >> 8 * i);
}

// The bits of the float32 that an element is.
static inline uint float_bits(input_element x) {
#if INPUT == 1
  if ((x & 0x7c00u) == 0x7c00u) return (uint)(x & 0x8000u) << 16 | 0x7f800000u | (uint)(x & 0x3ffu) << 13;
#endif
  return as_uint(VALUE(x, float, int));
}

static inline void quantize_block(global const input_element *x, global uchar *y) {
#if INPUT == FORMAT
  store_bits(x[0], y);
#else
  const uint bits = float_bits(x[0]);
  const bool is_number = (bits & 0x7fffffffu) <= 0x7f800000u;
#if FORMAT == 0
  store_bits(bits, y);
#elif FORMAT == 1
  store_bits(is_number ? half_bits(as_float(bits)) : (bits >> 16 & 0x8000u) | 0x7e00u | (bits >> 13 & 0x3ffu), y);
#else
  store_bits(is_number ? (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16 : bits >> 16 | 64u, y);
#endif
#endif
}
