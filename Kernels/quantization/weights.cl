// The weight format of this program, chosen by WEIGHT_TYPE (ggml's number of the type).
//
// A matrix of (rows, columns) is repacked in groups of 16 rows that lie side by side, in two planes:
//   quants (rows/16, columns/BLOCK, WORDS, 16) uint
//   scales (rows/16, columns/BLOCK/BLOCKS_PER_SCALE, SCALES, 16) ushort
// A format says how a block of one row unpacks: UNPACK(words, i) gives weight i up to an affine map,
//   weight = scale · UNPACK + minimum,
// and load_scales gives that map for each block under one set of scales. Formats without scales have UNPACK = weight.

#ifndef WEIGHT_TYPE
#define WEIGHT_TYPE 3
#endif

#define ONE 0x3f800000u
// Bits of x from position `from` moved to position `to` (both constants); the caller masks.
#define SHIFT_TO(x, from, to) ((from) > (to) ? (x) >> (((from) - (to)) & 31) : (x) << (((to) - (from)) & 31))
#define UNPACK_NIBBLE(word, j, to) AS_FLOAT((SHIFT_TO(word, 4 * (j), to) & (15u << (to))) | ONE)

#if WEIGHT_TYPE == 0
#include "quantization/f32.cl"
#elif WEIGHT_TYPE == 1
#include "quantization/f16.cl"
#elif WEIGHT_TYPE == 30
#include "quantization/bf16.cl"
#elif WEIGHT_TYPE == 2
#include "quantization/q4_0.cl"
#elif WEIGHT_TYPE == 3
#include "quantization/q4_1.cl"
#elif WEIGHT_TYPE == 6
#include "quantization/q5_0.cl"
#elif WEIGHT_TYPE == 7
#include "quantization/q5_1.cl"
#elif WEIGHT_TYPE == 8
#include "quantization/q8_0.cl"
#elif WEIGHT_TYPE == 12
#include "quantization/q4_k.cl"
#elif WEIGHT_TYPE == 13
#include "quantization/q5_k.cl"
#elif WEIGHT_TYPE == 14
#include "quantization/q6_k.cl"
#endif
