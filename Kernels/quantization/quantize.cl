// Quantizes rows of float32, float16 or bfloat16: blocks of the format FORMAT (`WeightFormat`'s raw value), each byte where a GGUF
// file has it.
//
//   views   x: elements of the type INPUT (0 float32, 1 float16, 30 bfloat16); y: blocks of BLOCK_SIZE elements, BLOCK_BYTES bytes each
//   units   ⌈block_count / UNIT_BLOCKS⌉
//
// A work-item makes a block at a time, or in the simt style a part of a block that has BY_PARTS. One source serves both styles, and
// the results are the same bytes on every device: all operations are rounded exactly (quantize_math.cl), in one order.

#if SIMT
#define LOCAL 64
#define FIRST_ITEM get_local_id(0)
#define SHARED local
#define SHARES 1
#else
#define LOCAL 1
#define FIRST_ITEM 0
#define SHARED private
#define SHARES 0
#endif
#undef SIMT
#define SIMT 1
#include "common/kernel.cl"

#ifndef FORMAT
#define FORMAT 8
#endif
#ifndef INPUT
#define INPUT 0
#endif

#include "quantization/quantize_math.cl"

#if FORMAT == 0 || FORMAT == 1 || FORMAT == 30
#include "quantization/quantize_floats.cl"
#elif FORMAT == 12 || FORMAT == 13
#define BY_PARTS 1
#include "quantization/quantize_4_k.cl"
#elif FORMAT == 14
#define BY_PARTS 1
#include "quantization/quantize_6_k.cl"
#elif FORMAT == 34 || FORMAT == 35
#include "quantization/quantize_trits.cl"
#elif FORMAT == 39
#include "quantization/quantize_mxfp4.cl"
#else
#include "quantization/quantize_32.cl"
#endif

#define UNIT_BLOCKS (BLOCK_SIZE == 1 ? QUANTIZE_ELEMENTS : QUANTIZE_BLOCKS)

#ifndef BY_PARTS
#define BY_PARTS 0
#endif

#if BY_PARTS && SHARES

#define GROUP_BLOCKS (LOCAL / PARTS)

kernel GROUP_OF_ITEMS void quantize(ROOTS_2, const struct quantize_arguments arguments) {
  DECLARE_SPACE(GROUP_BLOCKS);
  const struct quantize_arguments *a = &arguments;
  global uchar *const roots[] = {LIST_2};
  const uint j = get_local_id(0) % PARTS, own = get_local_id(0) / PARTS;
  const struct block_space space = SPACE_OF(own);
  for (uint lap = 0; lap < UNIT_BLOCKS; lap += GROUP_BLOCKS) {
    const ulong block = (ulong)get_group_id(0) * UNIT_BLOCKS + lap + own;
    const bool is_there = block < a->block_count;
    global const input_element *x = VIEW(const input_element, 0, x) + block * BLOCK_SIZE;
    global uchar *y = VIEW(uchar, 1, y) + block * BLOCK_BYTES;
    if (is_there) search_scales(x, &space, j);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (is_there) search_steps(x, y, &space, j);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (is_there) store_part(y, &space, j);
  }
}

#else

#if BY_PARTS
static inline void quantize_block(global const input_element *x, global uchar *y) {
  DECLARE_SPACE(1);
  const struct block_space space = SPACE_OF(0);
  for (uint j = 0; j < PARTS; ++j) search_scales(x, &space, j);
  for (uint j = 0; j < PARTS; ++j) search_steps(x, y, &space, j);
  for (uint j = 0; j < PARTS; ++j) store_part(y, &space, j);
}
#endif

static inline void quantize_body(ROOTS, const struct quantize_arguments *a, const uint part, const uint unused_y, const uint unused_z) {
  const ulong end = min(a->block_count, (ulong)(part + 1) * UNIT_BLOCKS);
  for (ulong block = (ulong)part * UNIT_BLOCKS + FIRST_ITEM; block < end; block += LOCAL) {
    quantize_block(VIEW(const input_element, 0, x) + block * BLOCK_SIZE, VIEW(uchar, 1, y) + block * BLOCK_BYTES);
  }
}
KERNEL(quantize, quantize_arguments, 2)

#endif
