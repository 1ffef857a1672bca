// The weight format of this program, chosen by WEIGHT_TYPE (ggml's number of the type).
//
// A matrix of (rows, columns) is repacked in groups of 16 rows that lie side by side, two groups to a panel, so that what a
// work-item reads is one stream; in two planes:
//   quants (panels, columns/BLOCK, 2, WORDS, 16) uint
//   scales (panels, columns/BLOCK/BLOCKS_PER_SCALE, 2, SCALES, 16) ushort
// A format says how a block of one row unpacks, in chunks of CHUNK weights: load_chunk fetches the words of one, and
// UNPACK(chunk, i) gives its weight i up to an affine map,
//   weight = scale · UNPACK + minimum,
// and load_scales gives that map for each block under one set of scales. Formats without scales have UNPACK = weight.

#ifndef WEIGHT_TYPE
#define WEIGHT_TYPE 3
#endif

#define CHUNK 8
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

#define PANEL_GROUPS 2

// Where a group's block begins in the plane of quants, in words.
inline ulong quants_at(uint group, uint block, uint blocks) {
  return (((ulong)(group / PANEL_GROUPS) * blocks + block) * PANEL_GROUPS + group % PANEL_GROUPS) * WORDS * LANES;
}

// Where a group's set of scales begins in the plane of scales, in halves.
inline ulong scales_at(uint group, uint super, uint supers) {
  return (((ulong)(group / PANEL_GROUPS) * supers + super) * PANEL_GROUPS + group % PANEL_GROUPS) * SCALES * LANES;
}
