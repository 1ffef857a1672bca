// float16 and bfloat16: each element rounded to nearest, ties to even. What is no number or infinite stays so.

#define BLOCK_SIZE 1
#define BLOCK_BYTES 2

static inline void quantize_block(global const input_element *x, global uchar *y) {
#if INPUT == FORMAT
  store_half_bits(x[0], y);
#else
#if INPUT == 1
  const bool is_finite = (x[0] & 0x7c00u) != 0x7c00u;
  const uint bits = is_finite ? as_uint(VALUE(x[0], float, int)) : (uint)(x[0] & 0x8000u) << 16 | 0x7f800000u | (uint)(x[0] & 0x3ffu) << 13;
#else
  const uint bits = as_uint(VALUE(x[0], float, int));
#endif
  const bool is_number = (bits & 0x7fffffffu) <= 0x7f800000u;
#if FORMAT == 1
  store_half_bits(is_number ? half_bits(as_float(bits)) : (ushort)(bits >> 16 & 0x8000u | 0x7e00u | (bits >> 13 & 0x3ffu)), y);
#else
  store_half_bits((ushort)(is_number ? (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16 : bits >> 16 | 64u), y);
#endif
#endif
}
