// The weights of WEIGHT_TYPE as integers q, for formats whose weights are scale · q + minimum (quantization/weights.cl: where
// LARGEST is defined), and the layout of the activations of 8 bits that meet them. For a WEIGHT_TYPE that
// SERVES_TYPE names.
//
//   load_bytes(block, w)  word w of a block's BLOCK/4 words of 4 weights
//   ORDER(v)              16 consecutive columns in the order in which those bytes have them

#pragma once

#ifndef TILE_M
#define TILE_M 12
#endif

#include "common/lanes.cl"
#include "quantization/weights.cl"
#include "matmul/dot_8.cl"

// Word w of a block's bytes is made of word LOW_WORD(w), and where HAS_HIGH of word 0.
#if IS_Q4_0 || IS_Q4_1 || IS_Q4_K

#define ORDER(v) v.s02461357, v.s8ace9bdf
#define HAS_HIGH 0
#define LOW_WORD(w) ((w) / 2)
static inline lanes_u bytes_of(lanes_u low, lanes_u high, uint w) { return low >> (4 * (w % 2)) & 0x0f0f0f0fu; }

#elif IS_Q5_0 || IS_Q5_1 || IS_Q5_K

#define ORDER(v) v.s02461357, v.s8ace9bdf
#define HAS_HIGH 1
#define LOW_WORD(w) (1 + (w) / 2)
static inline lanes_u bytes_of(lanes_u low, lanes_u high, uint w) {
  return (low >> (4 * (w % 2)) & 0x0f0f0f0fu) | (high >> (w / 2) << (4 * (w % 2)) & 0x10101010u);
}

#elif IS_Q6_K

#define ORDER(v) v.s02461357, v.s8ace9bdf
#define HAS_HIGH 1
#define LOW_WORD(w) (1 + (w) / 2)
static inline lanes_u bytes_of(lanes_u low, lanes_u high, uint w) {
  return (low >> (4 * (w % 2)) & 0x0f0f0f0fu) | (high << (4 * (w / 2)) >> (2 * (w % 2)) & 0x30303030u);
}

#elif IS_Q8_0

#define ORDER(v) v.lo, v.hi
#define HAS_HIGH 0
#define LOW_WORD(w) (w)
static inline lanes_u bytes_of(lanes_u low, lanes_u high, uint w) { return low; }

#endif

static inline lanes_u load_bytes(BLOCK_WORDS block, uint w) {
  const lanes_u low = LOAD_WORD(block, LOW_WORD(w));
  return bytes_of(low, HAS_HIGH ? LOAD_WORD(block, 0) : low, w);
}

// Sums of 16 bits (DOT_8 = 3) have room for the products of DOT_RUN words.
#if HAS_DOT_4
#define DOT_COUNT 4
#define DOT_RUN (DOT_8 != 3 || LARGEST <= 15 ? BLOCK / 4 : LARGEST <= 31 ? 4 : 2)
#else
#define DOT_COUNT 2
#define DOT_RUN (BLOCK / 2)
#endif

// Word w of a block's BLOCK/DOT_COUNT words as products take them; in pairs, bytes 0 and 2 of a word, then 1 and 3.
static inline lanes_u load_integers(BLOCK_WORDS block, uint w) {
#if DOT_COUNT == 4
  return load_bytes(block, w);
#else
  return load_bytes(block, w / 2) >> (8 * (w % 2)) & 0x00ff00ffu;
#endif
}

// Words that describe 32 activations of a token: the scale, sums, and the activations.
#define PACKED_8 (1 + 32 / BLOCK + 32 / DOT_COUNT)

// With TENSOR (matmul/matmul_8.ptx.cl) the words of a token's 32 activations lie side by side, those of a tile's tokens after each
// other, then as many heads: the scale and sums.
#ifndef TENSOR
#define TENSOR 0
#endif
#define HEAD_WORDS (BLOCK == 32 ? 2 : 4)
#define TOKEN_WORDS (8 + HEAD_WORDS)
