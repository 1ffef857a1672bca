// The bits of a float rounded to 16 bits, to nearest even: a half. vstore_half does the same, but what it has stored a compiler may not let a
// kernel read as an integer.

#pragma once

static inline ushort half_bits(const float x) {
  const uint sign = as_uint(x) >> 16 & 0x8000u, bits = as_uint(x) & 0x7fffffffu;
  // Below the least normal half, units are 2^-24: those of a float near 1/2.
  const uint subnormal = as_uint(as_float(bits) + 0.5f) - 0x3f000000u;
  const uint rebased = bits - (112u << 23), normal = (rebased + 0xfffu + (rebased >> 13 & 1u)) >> 13;
  const uint large = bits > 0x7f800000u ? 0x7e00u : 0x7c00u;
  return (ushort)(sign | (bits < 0x38800000u ? subnormal : bits < 0x47800000u ? normal : large));
}

// Those of a bfloat16: the upper half of the float's.
static inline ushort bfloat_bits(const float x) {
  const uint bits = as_uint(x);
  return isnan(x) ? 0x7fc0 : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}
