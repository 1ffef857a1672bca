// Activations rounded to 8 bits (matmul/round_8.cl), but left as floats where they are, for matmul.simt.cl: sums of a block's products
// are integers below 2²⁴ then, which float32 adds exactly. A few tokens of the fast mode so have the bits of many.
//
//   views   x (tokens, columns), or with GROUPED the rows that `order` names; packed (rows, columns) floats; sums (rows, columns/32):
//           the scales; order (rows)
//   units   (⌈columns/32 · rows / (LOCAL / 8)⌉): 8 work-items a block

#include "common/kernel.cl"
#include "matmul/round_8.cl"
#include "matmul/rows.cl"

kernel GROUP_OF_ITEMS void round_activations_8(ROOTS_5, const struct pack_arguments arguments) {
  global uchar *const roots[] = {LIST_5};
  const struct pack_arguments *a = &arguments;
  local uint magnitudes[LOCAL];
  const uint part = get_local_id(0) % 8, blocks = a->columns / 32;
  const ulong block = (ulong)get_group_id(0) * (LOCAL / 8) + get_local_id(0) / 8;
  const bool is_there = block < (ulong)a->tokens * blocks;
#if GROUPED
  const ulong from = is_there ? VIEW(const uint, 4, order)[block / blocks] * (ulong)blocks + block % blocks : 0;
#else
  const ulong from = is_there ? block : 0;
#endif
  const struct rounded_four four = round_shared(VIEW(const float, 0, x) + from * 32 + part * 4, is_there, magnitudes);
  if (!is_there) return;
  vstore4(convert_float4(four.q), 0, VIEW(float, 1, packed) + block * 32 + part * 4);
  if (part == 0) VIEW(float, 2, sums)[block] = four.scale;
}
