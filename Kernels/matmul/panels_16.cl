// Rounds activations to the 16 bits of the weights for matmul/matmul_16.wgmma.cl. A token's are multiplied first by the power of two that
// brings the largest to 2¹⁴ … 2¹⁵, so that none is too large for a half; its inverse is the factor of the token's sums.
//
//   views   x (tokens, columns); packed (⌈tokens/32⌉, columns/8, 32, 8) halves, zero past the last token; sums: factors (tokens)
//   units   (1, ⌈tokens/32⌉ · 32 / TOKENS), whole panels of 32: 32 work-items a token

#include "common/halves.cl"
#include "common/kernel.cl"
#include "quantization/weights.cl"

#define ITEMS_OF_TOKEN 32
#define TOKENS (LOCAL / ITEMS_OF_TOKEN)

static inline float largest_of(const float4 a, const float4 b) {
  const float4 m = fmax(fabs(a), fabs(b));
  return fmax(fmax(m.x, m.y), fmax(m.z, m.w));
}

#if IS_BF16
#define ROUNDED_HALF bfloat_bits
#else
#define ROUNDED_HALF half_bits
#endif

kernel GROUP_OF_ITEMS void round_panels(ROOTS_5, const struct pack_arguments arguments) {
  global uchar *const roots[] = {LIST_5};
  const struct pack_arguments *a = &arguments;
  local float largest[TOKENS][ITEMS_OF_TOKEN];
  const uint item = get_local_id(0), part = item / TOKENS, of_group = item % TOKENS;
  const uint token = get_group_id(1) * TOKENS + of_group, eighths = a->columns / 8;
  const bool present = token < a->tokens;
  global const float4 *x = (global const float4 *)(VIEW(const float, 0, x) + (ulong)(present ? token : 0) * a->columns);
  float found = 0.0f;
  if (present)
    for (uint i = part; i < eighths; i += ITEMS_OF_TOKEN) found = fmax(found, largest_of(x[2 * i], x[2 * i + 1]));
  largest[of_group][part] = found;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint i = 0; i < ITEMS_OF_TOKEN; ++i) found = fmax(found, largest[of_group][i]);
  // 2^n, of the largest 2^n … 2^(n + 1); what is not a number stays what it is.
  const uint exponent = clamp(as_uint(found) >> 23, 15u, 254u);
  const float factor = as_float((127u + 127u + 14u - exponent) << 23);
  if (present && part == 0) VIEW(float, 2, sums)[token] = as_float((exponent - 14u) << 23);
  global uint4 *out = VIEW(uint4, 1, packed) + (ulong)(token / 32) * eighths * 32 + token % 32;
  for (uint i = part; i < eighths; i += ITEMS_OF_TOKEN) {
    const float4 p = present ? x[2 * i] * factor : 0.0f, q = present ? x[2 * i + 1] * factor : 0.0f;
    out[i * 32] = (uint4)((uint)ROUNDED_HALF(p.x) | (uint)ROUNDED_HALF(p.y) << 16, (uint)ROUNDED_HALF(p.z) | (uint)ROUNDED_HALF(p.w) << 16, (uint)ROUNDED_HALF(q.x) | (uint)ROUNDED_HALF(q.y) << 16,
                          (uint)ROUNDED_HALF(q.z) | (uint)ROUNDED_HALF(q.w) << 16);
  }
}
