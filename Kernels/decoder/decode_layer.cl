// One layer of a decoder for one token, in one launch: what matmul, rmsnorm, rope_store and flash_attention compute, in phases.
//
//   hidden += [norm](W_out · attention(rope([norm](W_qkv · norm(hidden)))))
//   hidden += [norm](W_down · (act(W_gate · norm(hidden)) · (W_up · norm(hidden))))
//
// The norms in brackets with QK_NORM and POST_NORMS (Gemma 3). Every sum is the same as in the kernels of the parts, to the bit.
// Vector style only, on CPUs: see decoder/phases.cl.
//
//   hidden (EMBEDDING); normed (groups, EMBEDDING), a work-group's own; qkv, attended, gated, branch: as the parts' outputs
//   weights: up to three matrices for the rows of queries, keys and values, and the others, laid out as in matmul
//   counters: two sets; this launch uses `set`, which is zero, and clears the other for the next
//
// global size (any number of work-groups), local size (1).

#ifndef EMBEDDING
#define EMBEDDING 576
#define FEED_FORWARD 1536
#define HEADS 9
#define KV_HEADS 3
#define ROTARY 64
#define HEAD_SIZE 64
#define BLOCK_SIZE 64
#endif
#ifndef GELU
#define GELU 0
#endif
#ifndef QK_NORM
#define QK_NORM 0
#endif
#ifndef POST_NORMS
#define POST_NORMS 0
#endif
// The weight types of the matrices, and the rows of the first two projections.
#ifndef TYPE_PROJECTION_0
#define TYPE_PROJECTION_0 3
#define TYPE_PROJECTION_1 3
#define TYPE_PROJECTION_2 3
#define ROWS_0 960
#define ROWS_1 0
#define ROWS_2 0
#define TYPE_OUTPUT 3
#define TYPE_GATE_UP 3
#define TYPE_DOWN 3
#endif
// Those types, each once.
#ifndef TYPE_A
#define TYPE_A 3
#endif

#define SIMT 0
#define ROWS 1
#define TILE_M 1
#define TILE_N 2
#define TILES 1

#include "common/lanes.cl"
#include "decoder/phases.cl"
#include "norm/rmsnorm.cl"
#include "rope/rope_store.cl"
#include "attention/flash_attention.vector.cl"

#define WEIGHT_TYPE TYPE_A
#include "matmul/product.cl"
#ifdef TYPE_B
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_B
#include "matmul/product.cl"
#endif
#ifdef TYPE_C
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_C
#include "matmul/product.cl"
#endif
#ifdef TYPE_D
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_D
#include "matmul/product.cl"
#endif
#ifdef TYPE_E
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_E
#include "matmul/product.cl"
#endif
#ifdef TYPE_F
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_F
#include "matmul/product.cl"
#endif
#undef product

#define PHASES 8
#define GATE_FLAG (GELU ? GATE_GELU : GATE_SILU)
#define QKV_ROWS ((HEADS + 2 * KV_HEADS) * HEAD_SIZE)
#define PANELS(rows) (((rows) + 31) / 32)

// Rows 32 · unit … of W · x.
#define PRODUCT(type, x, weights, scales, residual, y, rows, columns, outputs, flags, unit) \
  JOIN(product, type)(x, x, weights, scales, x, residual, y, 1, rows, columns, outputs, flags, 0, 2 * (unit), 0)

// A phase's units: `body` for each `unit`.
#define PHASE(number, units, body)                                                                         \
  for (struct share s = first_share(counters + (number) * PHASE_COUNTERS, units); next_share(&s);) \
    for (uint unit = s.begin; unit < s.end; ++unit) { body; }

kernel void decode_layer(global float *hidden, global float *scratch, global float *qkv, global float *attended,
                         global float *gated, global float *branch, global const float *rotation, global const uint *slots,
                         global const int *positions, global const uint *tables, global cache_element *keys,
                         global cache_element *values, global const float *attention_norm, global const float *mlp_norm,
                         global const float *query_norm, global const float *key_norm, global const float *attention_post_norm,
                         global const float *mlp_post_norm, global const uint *projection_0, global const uint *projection_1,
                         global const uint *projection_2, const ulong scales_0, const ulong scales_1, const ulong scales_2,
                         global const uint *output, const ulong output_scales, global const uint *gate_up,
                         const ulong gate_up_scales, global const uint *down, const ulong down_scales,
                         volatile global uint *all_counters, const uint set, const float epsilon, const uint window,
                         const float scale, const float soft_cap) {
  volatile global uint *counters = all_counters + set * PHASES * PHASE_COUNTERS;
  if (get_group_id(0) == 0)
    for (uint i = 0; i < PHASES * PHASE_COUNTERS; ++i) all_counters[(1 - set) * PHASES * PHASE_COUNTERS + i] = 0;
  global float *normed = scratch + get_group_id(0) * EMBEDDING;

  normalise_row(hidden, attention_norm, hidden, normed, EMBEDDING, epsilon, 0);
  PHASE(0, PANELS(ROWS_0) + PANELS(ROWS_1) + PANELS(ROWS_2), {
    if (unit < PANELS(ROWS_0))
      PRODUCT(TYPE_PROJECTION_0, normed, projection_0, scales_0, normed, qkv, ROWS_0, EMBEDDING, ROWS_0, 0, unit);
#if ROWS_1 > 0
    else if (unit < PANELS(ROWS_0) + PANELS(ROWS_1))
      PRODUCT(TYPE_PROJECTION_1, normed, projection_1, scales_1, normed, qkv + ROWS_0, ROWS_1, EMBEDDING, ROWS_1, 0,
              unit - PANELS(ROWS_0));
#endif
#if ROWS_2 > 0
    else
      PRODUCT(TYPE_PROJECTION_2, normed, projection_2, scales_2, normed, qkv + ROWS_0 + ROWS_1, ROWS_2, EMBEDDING, ROWS_2, 0,
              unit - PANELS(ROWS_0) - PANELS(ROWS_1));
#endif
  })
  PHASE(1, HEADS + 2 * KV_HEADS, {
#if QK_NORM
    global float *head = qkv + unit * HEAD_SIZE;
    if (unit < HEADS + KV_HEADS)
      normalise_row(head, unit < HEADS ? query_norm : key_norm, head, head, HEAD_SIZE, epsilon, 0);
#endif
    for (uint pair = 0; pair < HEAD_SIZE / 2; ++pair)
      rope_store_pair(qkv, (global const float2 *)rotation, slots, keys, values, HEADS, KV_HEADS, HEAD_SIZE, ROTARY, BLOCK_SIZE,
                      pair, unit, 0);
  })
  PHASE(2, HEADS, {
    attend(qkv, keys, values, tables, (int4)(0, 1, 0, 0), positions, attended, HEADS, KV_HEADS, QKV_ROWS, BLOCK_SIZE, window,
           scale, soft_cap, unit);
  })
#if POST_NORMS
  PHASE(3, PANELS(EMBEDDING), {
    PRODUCT(TYPE_OUTPUT, attended, output, output_scales, attended, branch, EMBEDDING, HEADS * HEAD_SIZE, EMBEDDING, 0, unit);
  })
  PHASE(4, 1, { normalise_row(branch, attention_post_norm, hidden, hidden, EMBEDDING, epsilon, 1); })
#else
  PHASE(3, PANELS(EMBEDDING), {
    PRODUCT(TYPE_OUTPUT, attended, output, output_scales, hidden, hidden, EMBEDDING, HEADS * HEAD_SIZE, EMBEDDING, RESIDUAL,
            unit);
  })
#endif
  normalise_row(hidden, mlp_norm, hidden, normed, EMBEDDING, epsilon, 0);
  PHASE(5, PANELS(2 * FEED_FORWARD), {
    PRODUCT(TYPE_GATE_UP, normed, gate_up, gate_up_scales, normed, gated, 2 * FEED_FORWARD, EMBEDDING, FEED_FORWARD, GATE_FLAG,
            unit);
  })
#if POST_NORMS
  PHASE(6, PANELS(EMBEDDING), {
    PRODUCT(TYPE_DOWN, gated, down, down_scales, gated, branch, EMBEDDING, FEED_FORWARD, EMBEDDING, 0, unit);
  })
  PHASE(7, 1, { normalise_row(branch, mlp_post_norm, hidden, hidden, EMBEDDING, epsilon, 1); })
#else
  PHASE(6, PANELS(EMBEDDING), {
    PRODUCT(TYPE_DOWN, gated, down, down_scales, hidden, hidden, EMBEDDING, FEED_FORWARD, EMBEDDING, RESIDUAL, unit);
  })
#endif
}
