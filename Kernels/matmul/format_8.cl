// What the kernels of the fast mode share: the weight format in integers and the layout of activations of 8 bits.

#pragma once

#ifndef TILE_M
#define TILE_M 12
#endif

#include "common/lanes.cl"
#include "quantization/weights.cl"
#include "matmul/integers_8.cl"

// The largest weight in integers.
#define LARGEST (WORDS == 4 ? 15 : WORDS == 5 ? 31 : WORDS == 3 ? 63 : 255)

#include "matmul/dot_8.cl"

// Word w of a block as dot_add takes it, and the column of its part i.
#if DOT_COUNT == 4
inline lanes_u dot_weights(global const uint *block, uint w) { return load_integers(block, w); }
#define DOT_COLUMN(w, i) COLUMN(w, i)
#else
inline lanes_u dot_weights(global const uint *block, uint w) { return load_integers(block, w / 2) >> (8 * (w % 2)) & 0x00ff00ffu; }
#define DOT_COLUMN(w, i) COLUMN((w) / 2, (w) % 2 + 2 * (i))
#endif

// Words that describe 32 activations of a token.
#define PACKED_8 (1 + 32 / BLOCK + 32 / DOT_COUNT)
