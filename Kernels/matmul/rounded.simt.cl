// Activations rounded to 8 bits as activations_8.cl rounds them, but left as floats where they are, for matmul.simt.cl: sums of a block's
// products are integers below 2²⁴ then, which float32 adds exactly. A few tokens of the fast mode so have the bits of many.
//
//   views   x (tokens, columns); packed (tokens, columns) floats; sums (tokens, columns/32): the scales
//   units   (⌈columns/32 · tokens / (LOCAL / 8)⌉): 8 work-items a block

#include "common/kernel.cl"
#include "common/wide.cl"

kernel GROUP_OF_ITEMS void round_activations_8(ROOTS_5, const struct pack_arguments arguments) {
  global uchar *const roots[] = {LIST_5};
  const struct pack_arguments *a = &arguments;
  local uint magnitudes[LOCAL];
  const uint item = get_local_id(0), part = item % 8;
  const ulong block = (ulong)get_group_id(0) * (LOCAL / 8) + item / 8;
  const bool is_there = block < (ulong)a->tokens * (a->columns / 32);
  global const float *from = VIEW(const float, 0, x) + (is_there ? block * 32 + part * 4 : 0);
  const float4 v = load_4(from, 4, IS_WIDE(from));
  // Of floats without sign the bits are ordered as the numbers, NaN last.
  const uint4 bits = as_uint4(v) & 0x7fffffffu;
  magnitudes[item] = max(max(bits.x, bits.y), max(bits.z, bits.w));
  barrier(CLK_LOCAL_MEM_FENCE);
  uint most = 0;
#pragma unroll
  for (uint i = 0; i < 8; ++i) most = max(most, magnitudes[item - part + i]);
  const float largest = as_float(most), inverse = largest == 0.0f ? 0.0f : 127.0f / largest;
  if (!is_there) return;
  // Added to 1.5 · 2^23, a number is rounded to an integer, in the low bits.
  const char4 q = convert_char4(as_int4(v * inverse + 12582912.0f) - 0x4b400000);
  vstore4(convert_float4(q), 0, VIEW(float, 1, packed) + block * 32 + part * 4);
  if (part == 0) VIEW(float, 2, sums)[block] = largest / 127.0f;
}
