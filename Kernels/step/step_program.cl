// A step in one launch: commands that the host has recorded, one phase each (step/phases.cl).
//
// Each command is what a kernel of its own would do - rmsnorm, pack_activations, matmul, rope_store, flash_attention,
// merge_partials; with FAST quantise_activations and matmul_8 - to the bit.
// On a CPU a launch costs as much as a small product, most of it to wake the other cores, and leaves some of them idle towards
// its end; here they stay awake from the first layer to the last. Vector style only.
//
//   arena     the step's workspace; weights, cache: all weights, all keys and values; commands have offsets in them, in bytes
//   memory    commands, (count), and at `counters_offset` counters, (2, count, groups + 1, 16): this launch uses the half `set`,
//             which is zero, and clears the other for the next
//
// global size (any number of work-groups), local size (1).

// What all attention layers share.
#ifndef HEADS
#define HEADS 9
#define KV_HEADS 3
#define HEAD_SIZE 64
#define ROTARY 64
#define BLOCK_SIZE 64
#endif
// The weight types that occur, each once: TYPE_A, and TYPE_B to TYPE_F where there are more.
#ifndef TYPE_A
#define TYPE_A 3
#endif

#undef SIMT
#define SIMT 0

#include "common/lanes.cl"
#include "step/phases.cl"
#include "norm/row.cl"
#include "rope/rope_store.cl"
#include "attention/flash_attention.vector.cl"
#include "attention/merge.cl"

#define WEIGHT_TYPE TYPE_A
#include "step/product.cl"
#ifdef TYPE_B
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_B
#include "step/product.cl"
#endif
#ifdef TYPE_C
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_C
#include "step/product.cl"
#endif
#ifdef TYPE_D
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_D
#include "step/product.cl"
#endif
#ifdef TYPE_E
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_E
#include "step/product.cl"
#endif
#ifdef TYPE_F
#undef WEIGHT_TYPE
#define WEIGHT_TYPE TYPE_F
#include "step/product.cl"
#endif
#undef product
#undef prepare

#define RMS_NORM 1000
#define ROPE_STORE 1001
#define ATTENTION 1002
#define COPY 1003
#define MERGE 1004
// And a weight type: its activations.
#define PREPARE 2000
// Blocks of 32 columns of a tile that one unit prepares.
#define PREPARED_BLOCKS 8

// As StepProgram.Command in Swift. A kind below 1000 is a product, of that weight type. `rows` are a matrix's, the heads of a
// token that are normed, or the blocks of the cache.
struct command {
  uint kind, units;
  uint tokens, rows, columns, stride, flags, window;
  float epsilon, scale, soft_cap;
  uint splits, key_tiles;                          // of attention
  ulong x, y, residual, packed, sums;              // in the arena
  ulong rotation, slots, positions, tables, tiles, partials;  // in the arena
  ulong weights, scales, bias;                     // in the weights; scales in halves from `weights`
  ulong keys, values;                              // in the cache
};

#define FLOATS(root, offset) ((global float *)((root) + (offset)))
#define PRODUCT_CASE(type)                                                                                                     \
  case type: {                                                                                                                 \
    const uint token_tiles = (c->tokens + TILE_M * TILES - 1) / (TILE_M * TILES);                                              \
    JOIN(product, type)(FLOATS(arena, c->x), FLOATS(arena, c->sums),                                                          \
                        (global const uint *)(weights + c->weights), c->scales, (global const float *)(weights + c->bias),     \
                        FLOATS(arena, c->residual), FLOATS(arena, c->y), c->tokens, c->rows, c->columns, c->stride, c->flags, \
                        unit % token_tiles * TILE_M * TILES, unit / token_tiles * TILE_N, 0);                                  \
    break;                                                                                                                     \
  }

#define PREPARE_CASE(type)                                                                                                     \
  case PREPARE + type: {                                                                                                       \
    const uint blocks = c->columns / 32, parts = (blocks + PREPARED_BLOCKS - 1) / PREPARED_BLOCKS;                             \
    const uint first = unit % parts * PREPARED_BLOCKS;                                                                         \
    for (uint block = first; block < min(blocks, first + PREPARED_BLOCKS); ++block)                                            \
      JOIN(prepare, type)(FLOATS(arena, c->x), FLOATS(arena, c->packed), FLOATS(arena, c->sums), c->tokens, c->columns, block, \
                          unit / parts);                                                                                       \
    break;                                                                                                                     \
  }

static inline struct attention attention_of(global const struct command *c, global uchar *arena, global uchar *cache) {
  struct attention a;
  a.q = FLOATS(arena, c->x);
  a.keys = (global const cache_element *)(cache + c->keys);
  a.values = (global const cache_element *)(cache + c->values);
  a.tables = (global const uint *)(arena + c->tables);
  a.positions = (global const int *)(arena + c->positions);
  a.masks = 0;
  a.slopes = a.sinks = 0;
  a.out = FLOATS(arena, c->y);
  a.log_sums = 0;
  a.partials = FLOATS(arena, c->partials);
  a.heads = HEADS;
  a.kv_heads = KV_HEADS;
  a.q_stride = c->stride;
  a.blocks = c->rows;
  a.block_size = BLOCK_SIZE;
  a.window = c->window;
  a.sink_keys = 0;
  a.splits = c->splits;
  a.key_tiles = c->key_tiles;
  a.scale = c->scale;
  a.soft_cap = c->soft_cap;
  return a;
}

static inline void run(global const struct command *c, const uint unit, global uchar *arena, global const uchar *weights,
                global uchar *cache) {
  switch (c->kind) {
    PRODUCT_CASE(TYPE_A)
    PREPARE_CASE(TYPE_A)
#ifdef TYPE_B
    PRODUCT_CASE(TYPE_B)
    PREPARE_CASE(TYPE_B)
#endif
#ifdef TYPE_C
    PRODUCT_CASE(TYPE_C)
    PREPARE_CASE(TYPE_C)
#endif
#ifdef TYPE_D
    PRODUCT_CASE(TYPE_D)
    PREPARE_CASE(TYPE_D)
#endif
#ifdef TYPE_E
    PRODUCT_CASE(TYPE_E)
    PREPARE_CASE(TYPE_E)
#endif
#ifdef TYPE_F
    PRODUCT_CASE(TYPE_F)
    PREPARE_CASE(TYPE_F)
#endif
    case COPY:
      for (uint i = 0; i < c->columns; ++i) FLOATS(arena, c->y)[i] = FLOATS(arena, c->x)[i];
      break;
    case RMS_NORM: {
      // Rows are heads of tokens.
      const ulong at = (ulong)(unit / c->rows) * c->stride + unit % c->rows * c->columns;
      normalise_row(FLOATS(arena, c->x) + at, (global const float *)(weights + c->weights), FLOATS(arena, c->residual) + at,
                    FLOATS(arena, c->y) + at, c->columns, c->epsilon, c->flags);
      break;
    }
    case ROPE_STORE:
      for (uint pair = 0; pair < HEAD_SIZE / 2 / ROPE_PAIRS; ++pair)
        rope_store_pair(FLOATS(arena, c->x), (global const float2 *)(arena + c->rotation), (global const uint *)(arena + c->slots),
                        (global cache_element *)(cache + c->keys), (global cache_element *)(cache + c->values), HEADS, KV_HEADS,
                        HEAD_SIZE, ROTARY, c->rows, BLOCK_SIZE, pair, unit % (HEADS + 2 * KV_HEADS), unit / (HEADS + 2 * KV_HEADS));
      break;
    case ATTENTION: {
      const struct attention a = attention_of(c, arena, cache);
      const uint head_tiles = KV_HEADS * ((HEADS / KV_HEADS + HEAD_ROWS - 1) / HEAD_ROWS), tile = unit / a.splits;
      attend(&a, ((global const int4 *)(arena + c->tiles))[tile / head_tiles], tile % head_tiles, unit % a.splits);
      break;
    }
    case MERGE: {
      const struct attention a = attention_of(c, arena, cache);
      for (uint column = 0; column < VALUE_SIZE; column += LANES)
        merge_row(&a, (int4)0, unit / HEADS, unit % HEADS, column);
      break;
    }
  }
}

kernel void step_program(global uchar *arena, global const uchar *weights, global uchar *cache, global uchar *memory,
                         const uint count, const ulong counters_offset, const uint set) {
  global const struct command *commands = (global const struct command *)memory;
  volatile global uint *counters = (volatile global uint *)(memory + counters_offset);
  const uint words = count * PHASE_COUNTERS;
  if (get_group_id(0) == 0)
    for (uint i = 0; i < words; ++i) counters[(1 - set) * words + i] = 0;
  counters += set * words;
  for (uint i = 0; i < count; ++i)
    for (struct share s = first_share(counters + i * PHASE_COUNTERS, commands[i].units); next_share(&s);)
      for (uint unit = s.begin; unit < s.end; ++unit) run(commands + i, unit, arena, weights, cache);
}
