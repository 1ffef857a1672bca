// The product of WEIGHT_TYPE in a step program, with FAST of activations of 8 bits where the type has integers; and `prepare`, which
// packs a block of 32 columns of one tile of its activations. Includable once for each WEIGHT_TYPE.

#ifndef FAST
#define FAST 0
#endif

// Here, because a file that is read once must not be read first where it is skipped.
#include "common/math.cl"
#include "matmul/epilogue.cl"
#include "matmul/dot_8.cl"

#undef prepare

#if FAST && SERVES_TYPE(WEIGHT_TYPE)
#include "matmul/format_8.cl"
#include "matmul/quantise_8.cl"
#include "matmul/product_8.cl"
#define prepare OF_TYPE(prepare)
static inline void prepare(global const float *x, global float *packed, global float *sums, const uint tokens, const uint columns,
                    const uint block, const uint tile) {
  quantise_block(x, (global uint *)packed, tokens, columns, block, tile);
}
#else
#include "matmul/product.cl"
#include "matmul/pack.cl"
#define prepare OF_TYPE(prepare)
static inline void prepare(global const float *x, global float *packed, global float *sums, const uint tokens, const uint columns,
                    const uint block, const uint tile) {
  for (uint part = 0; part < 32 / BLOCK; ++part)
    pack_block(x, packed, sums, tokens, columns, block * (32 / BLOCK) + part, tile);
}
#endif
