// Quantizes rows of float32, float16 or bfloat16: blocks of the format FORMAT (ggml's number of the type), each byte where a GGUF
// file has it.
//
//   x   elements of the type INPUT (0 float32, 1 float16, 30 bfloat16), from byte `x_offset` on
//   y   blocks, from byte `y_offset` on
//   global size (block_count and more); one work-item makes one block of BLOCK_SIZE elements, BLOCK_BYTES bytes
//
// The caller guarantees that `block_count` blocks of elements are there, and x_offset a multiple of an element's bytes. The results
// are the same bytes on every device: all operations are rounded exactly (quantize_math.cl), in one order.

#pragma OPENCL FP_CONTRACT OFF

#ifndef FORMAT
#define FORMAT 8
#endif
#ifndef INPUT
#define INPUT 0
#endif

#include "quantization/quantize_math.cl"

#if FORMAT == 1 || FORMAT == 30
#include "quantization/quantize_halves.cl"
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

kernel void quantize(global const uchar *restrict x, const ulong x_offset, global uchar *restrict y, const ulong y_offset,
                     const ulong block_count) {
  const ulong block = get_global_id(0);
  if (block >= block_count) return;
  quantize_block((global const input_element *)(x + x_offset) + block * BLOCK_SIZE, y + y_offset + block * BLOCK_BYTES);
}
