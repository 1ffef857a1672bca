// The weight format of this program, chosen by WEIGHT_TYPE (`WeightFormat`'s raw value).
//
// A matrix of (rows, columns) is repacked in groups of 16 rows that lie side by side, two groups to a panel, so that what a
// work-item reads is one stream in order of addresses (a CPU's prefetchers lose others); in two planes:
//   quants (panels, words of a row / ASIDE, 2, 16, ASIDE) uint; a row has columns/BLOCK · WORDS words, in order of k
//   scales (panels, columns/BLOCK/BLOCKS_PER_SCALE, 2, SCALES, 16) ushort
// ASIDE is 1 in the vector style. In the simt style it is 4, so that a work-item, which has one row, loads 16 bytes at once, and its
// neighbors the bytes beside them; where a row's words are no multiple of 4, it is 2 or 1 (WeightShape.wordsAside).
//
// A format says how a block of one row unpacks, in chunks of CHUNK weights: load_chunk makes one of the block's words, which are in
// memory in the vector style, and in the simt style in an array that load_words or load_unit has filled; and
// UNPACK(chunk, i) gives its weight i up to an affine map,
//   weight = scale · UNPACK + minimum,
// of which load_scale gives the scale, and MINIMUM(scale, what it left as minimum, RANGE) the minimum, for a block under one set of
// scales, while dequantized gives a weight rounded just as the format's own definition rounds it. Formats without scales have
// UNPACK = weight.
//
// A quant q is the FIELD from bit FROM(i) on of a word of a chunk. IN_PLACE (always in the vector style) it is converted where it
// lies: UNPACK(chunk, i) = q · 2^PLACE(i), and the activation is multiplied by 2^(TOP_PLACE − PLACE(i)), so that all sums are
// 2^TOP_PLACE times the sum of x · q, to the bit while nothing overflows (|x| < 2^92): powers of two round nothing, and below 2^-126
// all are multiples of 2^-149. Otherwise UNPACK = q. RANGE · UNPACK is q in both, with the activation's factor.

#pragma once

#include "common/lanes.cl"
#include "quantization/lookup.cl"

#ifndef WEIGHT_TYPE
#define WEIGHT_TYPE 3
#endif

#define CHUNK 8
#define PANEL_GROUPS 2
#define PANEL_ROWS (PANEL_GROUPS * LANES)
#ifndef ASIDE
#if SIMT
#define ASIDE 4
#else
#define ASIDE 1
#endif
#endif
// A block's words, and word w of them: where quants_at has found them, or in registers; there with CHUNK_ALONE those of one chunk, which
// load_chunk_words has loaded: the SHARED_WORDS at a block's beginning, and OWN_WORDS, or a part of one, of the others.
#define CHUNKS_OF_BLOCK (BLOCK / CHUNK)
#define OWN_WORDS ((WORDS - SHARED_WORDS + CHUNKS_OF_BLOCK - 1) / CHUNKS_OF_BLOCK)
#define OWN_WORD(w) (SHARED_WORDS + ((w) - SHARED_WORDS) % (OWN_WORDS > 0 ? OWN_WORDS : 1))
#if SIMT && defined(CHUNK_ALONE)
#define BLOCK_WORDS const uint *
#define LOAD_WORD(block, w) (block)[(w) < SHARED_WORDS ? (w) : OWN_WORD(w)]
#elif SIMT
#define BLOCK_WORDS const uint *
#define LOAD_WORD(block, w) (block)[w]
#else
#define BLOCK_WORDS global const uint *
#define LOAD_WORD(block, w) LOAD_LANES((block) + (w) * PANEL_ROWS)
#endif
#define ONE 0x3f800000u

// The halves of a row under one set of scales: in an array, or as the plane has them, with SCALES_LOCAL in local memory, with
// SCALES_GLOBAL where they are.
#if SIMT && defined(SCALES_LOCAL)
#define PACKED local const ushort *
#define HALF_OF(packed, s) (packed)[(s) * LANES]
#define HALF_VALUE(packed, s) vload_half((s) * LANES, (local const half *)(packed))
#elif SIMT && defined(SCALES_GLOBAL)
#define PACKED global const ushort *
#define HALF_OF(packed, s) (packed)[(s) * LANES]
#define HALF_VALUE(packed, s) vload_half((s) * LANES, (global const half *)(packed))
#else
#define PACKED const lanes_h *
#define HALF_OF(packed, s) (packed)[s]
#define HALF_VALUE(packed, s) half_bits_to_float(HALF_OF(packed, s))
#endif

#ifndef IN_PLACE
#define IN_PLACE (!SIMT)
#endif
// The FIELD from bit `from` on as a float, times 2^PLACE_OF(from).
#if !SIMT
// Unless it reaches the sign.
#define REACHES_TOP(from) (((uint)FIELD << (from)) >> 31)
#define PLACED(word, from) TO_FLOAT(AS_INT(REACHES_TOP(from) ? (word) >> (from) : (word) & ((uint)FIELD << (from))))
#define PLACE_OF(from) (REACHES_TOP(from) ? 0 : (from))
#elif IN_PLACE
// As half a word of its lower 10 bits: a denormal half, whose conversion is one instruction, and one mask serves both halves.
#define HALF_PLACE(from) ((FIELD << (from) % 16) > 1023 ? (from) % 16 - 8 : (from) % 16)
#define PLACED(word, from) half_of((word) >> ((from) % 16 - HALF_PLACE(from)) & (uint)(FIELD * 0x10001u << HALF_PLACE(from)), (from) / 16)
#define PLACE_OF(from) (HALF_PLACE(from) - 24)
static inline float half_of(const uint word, const uint index) {
  // A pointer to a half may point to a vector, but not to an integer: compilers take such for others' memory.
  const ushort2 halves = as_ushort2(word);
  return vload_half(index, (const half *)&halves);
}
#else
#define PLACED(word, from) (AS_FLOAT(((word) >> (from) & FIELD) | 0x4b000000u) - 8388608.0f)
#endif
// Bits of x from position `from` moved to position `to` (both constants); the caller masks.
#define SHIFT_TO(x, from, to) ((from) > (to) ? (x) >> (((from) - (to)) & 31) : (x) << (((to) - (from)) & 31))

#define IS_F32 (WEIGHT_TYPE == 0)
#define IS_F16 (WEIGHT_TYPE == 1)
#define IS_Q4_0 (WEIGHT_TYPE == 2)
#define IS_Q4_1 (WEIGHT_TYPE == 3)
#define IS_Q5_0 (WEIGHT_TYPE == 6)
#define IS_Q5_1 (WEIGHT_TYPE == 7)
#define IS_Q8_0 (WEIGHT_TYPE == 8)
#define IS_Q2_K (WEIGHT_TYPE == 10)
#define IS_Q3_K (WEIGHT_TYPE == 11)
#define IS_Q4_K (WEIGHT_TYPE == 12)
#define IS_Q5_K (WEIGHT_TYPE == 13)
#define IS_Q6_K (WEIGHT_TYPE == 14)
#define IS_IQ2_XXS (WEIGHT_TYPE == 16)
#define IS_IQ2_XS (WEIGHT_TYPE == 17)
#define IS_IQ3_XXS (WEIGHT_TYPE == 18)
#define IS_IQ1_S (WEIGHT_TYPE == 19)
#define IS_IQ4_NL (WEIGHT_TYPE == 20)
#define IS_IQ3_S (WEIGHT_TYPE == 21)
#define IS_IQ2_S (WEIGHT_TYPE == 22)
#define IS_IQ4_XS (WEIGHT_TYPE == 23)
#define IS_IQ1_M (WEIGHT_TYPE == 29)
#define IS_BF16 (WEIGHT_TYPE == 30)
#define IS_TQ1_0 (WEIGHT_TYPE == 34)
#define IS_TQ2_0 (WEIGHT_TYPE == 35)
#define IS_MXFP4 (WEIGHT_TYPE == 39)

// Weights whose products are summed before they are scaled.
#if IS_Q2_K || IS_Q3_K || IS_Q6_K || IS_IQ2_XS || IS_IQ2_S || IS_IQ1_M
#define BLOCK 16
#else
#define BLOCK 32
#endif

#if IS_F32
#include "quantization/float_32.cl"
#elif IS_F16
#include "quantization/float_16.cl"
#elif IS_BF16
#include "quantization/bfloat_16.cl"
#elif IS_Q4_0 || IS_Q4_1 || IS_Q4_K
#include "quantization/bits_4.cl"
#elif IS_Q5_0 || IS_Q5_1 || IS_Q5_K
#include "quantization/bits_5.cl"
#elif IS_Q6_K
#include "quantization/bits_6.cl"
#elif IS_Q8_0
#include "quantization/bits_8.cl"
#elif IS_Q2_K || IS_TQ2_0
#include "quantization/bits_2.cl"
#elif IS_Q3_K
#include "quantization/bits_3.cl"
#elif IS_IQ4_NL || IS_IQ4_XS || IS_MXFP4
#include "quantization/table_4.cl"
#elif IS_TQ1_0
#include "quantization/trits.cl"
#elif IS_IQ1_S || IS_IQ1_M
#include "quantization/codebook_1.cl"
#elif IS_IQ2_XXS || IS_IQ2_XS || IS_IQ2_S
#include "quantization/codebook_2.cl"
#elif IS_IQ3_XXS || IS_IQ3_S
#include "quantization/codebook_3.cl"
#endif

#if defined(FIELD) && IN_PLACE
#define PLACE(i) PLACE_OF(FROM(i))
#else
#define PLACE(i) 0
#endif
#if defined(FIELD) && !SIMT
#define RANGE (1.0f / (1 << TOP_PLACE))
#elif defined(FIELD)
#define RANGE 1.0f
#endif
#if !defined(TOP_PLACE) || SIMT
#undef TOP_PLACE
#define TOP_PLACE 0
#endif

#if IS_F32 || IS_F16 || IS_BF16
#define SCALES 0
#define BLOCKS_PER_SCALE 1
#elif IS_Q4_1 || IS_Q5_1
#include "quantization/scale_minimum.cl"
#elif IS_Q2_K || IS_Q4_K || IS_Q5_K
#include "quantization/scale_k.cl"
#else
#include "quantization/scale_signed.cl"
#endif

#if SCALES > 0
// What load_scale, which each format defines, gives of every block under one set of scales.
static inline void load_scales(PACKED packed, lanes_f *scale, lanes_f *minimum) {
#pragma unroll
  for (int j = 0; j < BLOCKS_PER_SCALE; ++j) load_scale(packed, j, &scale[j], &minimum[j]);
}
#endif

#if SIMT

// Blocks whose words are whole loads of ASIDE words, and their words; a row's blocks are a multiple.
#define UNIT_BLOCKS (WORDS % ASIDE == 0 ? 1 : WORDS * 2 % ASIDE == 0 ? 2 : 4)
// Elements of an array of a block's words, or a unit's: formats whose quants are with the scales have none.
#define HELD_WORDS (WORDS > 0 ? WORDS : 1)
#define HELD_UNIT (HELD_WORDS * UNIT_BLOCKS)

// Where a row's words begin, `lane` of `group`; and word i of them, behind that.
static inline ulong row_at(uint group, uint lane, uint blocks) {
  return (ulong)(group / PANEL_GROUPS) * blocks * (WORDS * PANEL_ROWS) + (group % PANEL_GROUPS * LANES + lane) * ASIDE;
}
#define WORD_OF_ROW(i) ((i) / ASIDE * (ASIDE * PANEL_ROWS) + (i) % ASIDE)

#ifdef CHUNK_ALONE
#define HELD_CHUNK (SHARED_WORDS + OWN_WORDS > 0 ? SHARED_WORDS + OWN_WORDS : 1)
static inline void load_chunk_words(global const uint *row, const uint block, const uint c, uint *words) {
#pragma unroll
  for (uint i = 0; i < SHARED_WORDS; ++i) words[i] = row[WORD_OF_ROW(block * WORDS + i)];
  const uint own = block * WORDS + SHARED_WORDS + c * (WORDS - SHARED_WORDS) / CHUNKS_OF_BLOCK;
#pragma unroll
  for (uint i = 0; i < OWN_WORDS; ++i) {
#if ASIDE == 4 && WORDS % 16 == 0
    if (i % 4 > 0) continue;
    const uint4 four = *(global const uint4 *)(row + WORD_OF_ROW(own + i));
    words[i] = four.x;
    words[i + 1] = four.y;
    words[i + 2] = four.z;
    words[i + 3] = four.w;
#else
    words[SHARED_WORDS + i] = row[WORD_OF_ROW(own + i)];
#endif
  }
}
#endif

// The words of the UNIT_BLOCKS blocks from UNIT_BLOCKS · unit on, of a row that row_at has found.
static inline void load_unit(global const uint *row, const uint unit, uint *words) {
  row += unit * (WORDS * UNIT_BLOCKS * PANEL_ROWS);
#pragma unroll
  for (uint i = 0; i < WORDS * UNIT_BLOCKS / ASIDE; ++i) {
#if ASIDE == 4
    const uint4 loaded = ((global const uint4 *)row)[i * PANEL_ROWS];
    words[4 * i] = loaded.x;
    words[4 * i + 1] = loaded.y;
    words[4 * i + 2] = loaded.z;
    words[4 * i + 3] = loaded.w;
#else
#pragma unroll
    for (uint j = 0; j < ASIDE; ++j) words[i * ASIDE + j] = row[i * ASIDE * PANEL_ROWS + j];
#endif
  }
}

// The words of one block.
static inline void load_words(global const uint *row, const uint block, uint *words) {
#if WORDS % ASIDE == 0
  load_unit(row, block, words);
#else
#pragma unroll
  for (uint w = 0; w < WORDS; ++w) words[w] = row[WORD_OF_ROW(block * WORDS + w)];
#endif
}

#else

// Where a group's block begins in the plane of quants, in words.
static inline ulong quants_at(uint group, uint block, uint blocks) {
  return (((ulong)(group / PANEL_GROUPS) * blocks + block) * WORDS * PANEL_GROUPS + group % PANEL_GROUPS) * LANES;
}

#endif

// Where a group's set of scales begins in the plane of scales, in halves.
static inline ulong scales_at(uint group, uint super, uint supers) {
  return (((ulong)(group / PANEL_GROUPS) * supers + super) * PANEL_GROUPS + group % PANEL_GROUPS) * SCALES * LANES;
}

#if !SIMT
// How far ahead of its use a weight is fetched into the cache.
#ifndef PREFETCH_WORDS
#define PREFETCH_WORDS 2048
#endif
// Fetches what load_chunk will want of a chunk c further on; with AVX-512 a CPU's own prefetchers keep up with wide formats, where
// little is computed between the reads.
#if WORDS == 0 || (defined(__AVX512F__) && WORDS >= 8 && TILE_M <= 1)
#define FETCH_AHEAD(block, c)
#else
#define FETCH_AHEAD(block, c) FETCH((block) + (c) * PANEL_ROWS + PREFETCH_WORDS)
#endif
#endif
