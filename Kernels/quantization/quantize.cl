// Quantizes rows of float32, float16 or bfloat16: blocks of the format FORMAT (`WeightFormat`'s raw value), each byte where a GGUF
// file has it.
//
//   views   x: elements of the type INPUT (0 float32, 1 float16, 30 bfloat16); y: blocks of BLOCK_SIZE elements, BLOCK_BYTES bytes each
//   units   ⌈block_count / UNIT_BLOCKS⌉
//
// A work-item makes a block at a time. One source serves both styles, and the results are the same bytes on every device: all
// operations are rounded exactly (quantize_math.cl), in one order.

#if SIMT
#define LOCAL 64
#define FIRST_ITEM get_local_id(0)
#else
#define LOCAL 1
#define FIRST_ITEM 0
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
#include "quantization/quantize_4_k.cl"
#elif FORMAT == 14
#include "quantization/quantize_6_k.cl"
#elif FORMAT == 34 || FORMAT == 35
#include "quantization/quantize_trits.cl"
#elif FORMAT == 39
#include "quantization/quantize_mxfp4.cl"
#else
#include "quantization/quantize_32.cl"
#endif

#define UNIT_BLOCKS (BLOCK_SIZE == 1 ? QUANTIZE_ELEMENTS : QUANTIZE_BLOCKS)

static inline void quantize_body(ROOTS, const struct quantize_arguments *a, const uint part, const uint unused_y, const uint unused_z) {
  const ulong end = min(a->block_count, (ulong)(part + 1) * UNIT_BLOCKS);
  for (ulong block = (ulong)part * UNIT_BLOCKS + FIRST_ITEM; block < end; block += LOCAL) {
    quantize_block(VIEW(const input_element, 0, x) + block * BLOCK_SIZE, VIEW(uchar, 1, y) + block * BLOCK_BYTES);
  }
}
KERNEL(quantize, quantize_arguments, 2)
