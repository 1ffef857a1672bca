// Activations in 8 bits: 32 columns x ≈ scale · q, scale = max |x| / 127, q = x · (127 / max |x|) rounded to nearest even.

#pragma once

#include "common/kernel.cl"

static inline float scale_of_largest(const float largest) { return largest / 127.0f; }
static inline float inverse_of_largest(const float largest) { return largest == 0.0f ? 0.0f : 127.0f / largest; }

// Of floats without sign the bits are ordered as the numbers, NaN last.
#define MAGNITUDES(v, n) (as_uint##n(v) & 0x7fffffffu)

// Added to 1.5 · 2^23, a number is rounded to an integer, in the low bits.
#define ROUNDED_BYTES(v, n) convert_char##n(as_int##n((v) + 12582912.0f) - 0x4b400000)

#if SIMT

#include "common/wide.cl"

struct rounded_four {
  char4 q;
  float scale;
};

// 4 columns at `from`, or zeros, of the 32 that 8 work-items in a row have. Every work-item of the work-group calls it.
INLINE struct rounded_four round_shared(global const float *from, const bool is_there, local uint *magnitudes) {
  const uint item = get_local_id(0), first = item - item % 8;
  const float4 v = is_there ? load_4(from, 4, IS_WIDE(from)) : (float4)(0.0f);
  const uint4 bits = MAGNITUDES(v, 4);
  magnitudes[item] = max(max(bits.x, bits.y), max(bits.z, bits.w));
  barrier(CLK_LOCAL_MEM_FENCE);
  uint most = 0;
#pragma unroll
  for (uint i = 0; i < 8; ++i) most = max(most, magnitudes[first + i]);
  const float largest = as_float(most);
  struct rounded_four four;
  four.q = ROUNDED_BYTES(v * inverse_of_largest(largest), 4);
  four.scale = scale_of_largest(largest);
  return four;
}

#endif
