// The product of WEIGHT_TYPE in a step program: with FAST, of activations of 8 bits where the type has integers, which
// quantise_block prepares. Includable once for each WEIGHT_TYPE.

#ifndef FAST
#define FAST 0
#endif

// Here, because a file that is read once must not be read first where it is skipped.
#include "common/math.cl"
#include "common/sums.cl"
#include "matmul/epilogue.cl"
#include "matmul/dot_8.cl"

#if FAST && SERVES_TYPE(WEIGHT_TYPE)
#include "matmul/format_8.cl"
#include "matmul/quantise_8.cl"
#include "matmul/product_8.cl"
#else
#include "matmul/product.cl"
#undef quantise_block
#define quantise_block OF_TYPE(quantise_block)
inline void quantise_block(global const float *x, global uint *packed, uint tokens, uint columns, uint block, uint tile) {}
#endif
