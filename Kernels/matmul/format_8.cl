// What the kernels of the fast mode share: the weight format in integers and the layout of activations of 8 bits.

#pragma once

#ifndef TILE_M
#define TILE_M 12
#endif

#include "common/lanes.cl"
#include "quantization/weights.cl"
#include "matmul/integers_8.cl"

// Words that describe 32 activations of a token.
#define PACKED_8 (1 + 32 / BLOCK + 8)
