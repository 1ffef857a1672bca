// The arguments of every kernel that operators dispatch, for OpenCL C and for Swift, which imports this header.
//
// A block begins with the byte offsets of the kernel's views, in the order of its buffers (common/kernel.cl); what follows are
// sizes in elements, flags, and factors. A test compares sizes and offsets with a device's. No block ends in padding, which
// some drivers do not count (Mesa 22.3 then refuses the argument): where it would, a field is unused.

#ifndef TESSERA_ARGUMENTS_H
#define TESSERA_ARGUMENTS_H

#ifdef __OPENCL_VERSION__
typedef uint tessera_u32;
typedef ulong tessera_u64;
#define SWIFT_NAME(name)
#else
#include <stdint.h>
typedef uint32_t tessera_u32;
typedef uint64_t tessera_u64;
#define SWIFT_NAME(name) __attribute__((swift_name(name)))
#endif

// norm/rmsnorm.cl, norm/layernorm.cl
struct norm_arguments {
  tessera_u64 x, weight, bias, residual, y;
  tessera_u32 heads, columns, x_stride, y_stride, flags;
  float epsilon;
} SWIFT_NAME("NormArguments");

// rope/rope_store.cl
struct rope_store_arguments {
  tessera_u64 x, rotations, positions, slots, keys, values;
  tessera_u32 heads, kv_heads, stride, query_at, key_at, value_at, rotary, rotary_at, blocks, block_size, tokens, unused;
} SWIFT_NAME("RopeStoreArguments");

// attention/form.cl, for flash_attention and merge_partials
struct attention_arguments {
  tessera_u64 q, keys, values, tables, tiles, positions, masks, slopes, sinks, bias, out, log_sums, partials;
  tessera_u32 heads, kv_heads, q_stride, blocks, block_size, window, sink_keys;
  // How many work-items share a tile's keys; from one row's partial results to the next's, in key tiles; tiles in all; the first
  // token of those that merge_partials merges.
  tessera_u32 splits, key_tiles, tile_count, first_token;
  // Distances that `bias` has values for, on each side.
  tessera_u32 bias_reach;
  float scale, soft_cap;
} SWIFT_NAME("AttentionArguments");

// attention/merge.cl: merge_results
struct merge_arguments {
  tessera_u64 results, sums, out, log_sums;
  tessera_u32 parts, rows;
} SWIFT_NAME("MergeArguments");

// matmul/matmul.cl, matmul/matmul_8.cl
struct matmul_arguments {
  tessera_u64 x, x_sums, weights, bias, residual, y, norm, experts;
  // Where the plane of scales begins, in halves; bytes from one expert's matrix to the next's.
  tessera_u64 scales_offset, expert_stride;
  tessera_u32 tokens, rows, columns, y_stride, flags;
  float epsilon, scale;
  tessera_u32 unused;
} SWIFT_NAME("MatmulArguments");

// matmul/activations.cl, matmul/activations_8.cl
struct pack_arguments {
  tessera_u64 x, packed, sums, experts, order;
  tessera_u32 tokens, columns, flags, unused;
} SWIFT_NAME("PackArguments");

// embedding/embedding.cl
struct embedding_arguments {
  tessera_u64 ids, weights, y;
  tessera_u64 scales_offset;
  tessera_u32 columns, tokens, flags;
  float scale;
} SWIFT_NAME("EmbeddingArguments");

// activation/activation.cl, activation/soft_cap.cl
struct elementwise_arguments {
  tessera_u64 x, y;
  tessera_u32 size, x_stride, y_stride, rows;
  float scale;
  tessera_u32 unused;
} SWIFT_NAME("ElementwiseArguments");

// rows/gather_rows.cl
struct gather_arguments {
  tessera_u64 x, indices, y;
  tessera_u32 columns, x_stride, y_stride, rows, flags, unused;
} SWIFT_NAME("GatherArguments");

// experts/route.cl
struct route_arguments {
  tessera_u64 scores, weights, slots, experts, order, bias;
  tessera_u32 tokens, expert_count, top_k, tile_tokens, group_count, top_groups, flags;
  float scale;
} SWIFT_NAME("RouteArguments");

// experts/heads.cl
struct heads_arguments {
  tessera_u64 slots, experts, order;
  tessera_u32 tokens, heads, tile_tokens, unused;
} SWIFT_NAME("HeadsArguments");

// experts/combine.cl
struct combine_arguments {
  tessera_u64 x, weights, slots, residual, y, shared, gate;
  tessera_u32 tokens, top_k, columns, flags;
} SWIFT_NAME("CombineArguments");

// quantization/repack.cl
struct repack_arguments {
  tessera_u64 raw, weights;
  tessera_u64 scales_offset;
  tessera_u32 first_row, row_count, columns, group_start, group_step, unused;
} SWIFT_NAME("RepackArguments");

// quantization/quantize.cl
struct quantize_arguments {
  tessera_u64 x, y;
  tessera_u64 block_count;
} SWIFT_NAME("QuantizeArguments");

// quantization/random.cl
struct random_arguments {
  tessera_u64 weights;
  tessera_u64 quant_words, word_count;
  tessera_u32 seed, unused;
} SWIFT_NAME("RandomArguments");

// cache/blocks.cl: whole blocks. Strides are in bytes.
struct cache_block_arguments {
  tessera_u64 pools, lists, staging;
  tessera_u64 stride, staging_block, staging_pool;
  tessera_u32 heads, blocks, chunks, to_pools;
} SWIFT_NAME("CacheBlockArguments");

// cache/blocks.cl, cache/rotate.cl: rows. `rows` is a staging buffer, or rotations.
struct cache_row_arguments {
  tessera_u64 pools, lists, rows;
  tessera_u64 stride;
  tessera_u32 heads, blocks, block_size, size, is_keys, to_pools, count, pool_count, begin, rotary;
} SWIFT_NAME("CacheRowArguments");

// Work-items of the cache's kernels, in both styles.
#define CACHE_ITEMS 64

// The most experts of a layer; columns of a unit in the vector style: of experts' results, of rows element by element, of activations
// that are packed in tiles; blocks of 32 activations of a unit that are rounded to 8 bits there.
#define MOST_EXPERTS 1024
#define MOST_EXPERT_GROUPS 64
#define HEAD_SLOTS 1024
#define COMBINE_COLUMNS 512
#define ELEMENTWISE_COLUMNS 1024
#define PACK_COLUMNS 256
#define PACK_COLUMNS_WIDE 32
#define ROUNDED_BLOCKS 8
// Blocks of a unit that are quantized, or elements where each is alone; words of random weights.
#define QUANTIZE_BLOCKS 64
#define QUANTIZE_ELEMENTS 4096
#define RANDOM_WORDS 4096

// sampling/*.cl
struct sampling_arguments {
  tessera_u64 logits, inputs, state, results;
  // `inputs` have a list of `count` entries from word `offset` on; places for likeliest tokens that a row has.
  tessera_u32 vocabulary, offset, count, limit;
} SWIFT_NAME("SamplingArguments");

// What is asked for of a row, at the start of `inputs`.
struct sampling_row {
  float inverse_temperature;
  float min_p;         // the logarithm of min-p; -INFINITY keeps all
  tessera_u32 top_k;   // 0 keeps all
  tessera_u32 top_p;   // in 2^-32; 0 keeps all
  tessera_u32 flags;
  tessera_u32 mask;    // which of the masks; NO_MASK: none
  tessera_u32 top_tokens;  // likeliest tokens that are reported
  float repetition, inverse_repetition, presence, frequency;
  tessera_u32 unused;
  tessera_u64 seed, position;
} SWIFT_NAME("SamplingParameters");

// What is reported of a row.
struct sampled_row {
  tessera_u32 token;
  float log_probability;
  tessera_u32 status, unused;
} SWIFT_NAME("SampledRow");

// Flags of a row, and what its status may be.
#define SAMPLING_GREEDY 1u
#define SAMPLING_LOG_PROBABILITIES 2u
#define SAMPLING_NOT_FINITE 1u
#define SAMPLING_NO_MASK 0xffffffffu

// A row is cut into at most SAMPLING_BLOCKS blocks of a power of two of tokens, at least 2^SAMPLING_BLOCK_BITS of the style; and
// in the vector style into SAMPLING_PARTS runs of whole blocks, each with SAMPLING_BINS bins. In the simt style a work-group has a row
// or a block of one, and as many bins as work-items, SAMPLING_ROW_ITEMS; a row lists SAMPLING_LISTED keys at most. Entries of a list
// that a work-group has; its work-items in the simt style.
#define SAMPLING_BLOCKS 1024
#define SAMPLING_BLOCK_BITS_VECTOR 6
#define SAMPLING_BLOCK_BITS_SIMT 9
#define SAMPLING_PARTS 32
#define SAMPLING_BINS 128
#define SAMPLING_ROW_ITEMS 256
#define SAMPLING_LISTED 3584
#define SAMPLING_ENTRIES 64

// A row's state, in 64-bit words: blocks' largest keys; blocks' weights; then in the vector style parts' sums of odds, and the same by
// bins, in the simt style tallies and a list of keys (sampling/tallies.cl); the row's largest key; the least key that stays.
enum {
  SAMPLING_WEIGHTS_AT = SAMPLING_BLOCKS,
  SAMPLING_SUMS_AT = 2 * SAMPLING_BLOCKS,
  SAMPLING_BINS_AT = SAMPLING_SUMS_AT + SAMPLING_PARTS,
  SAMPLING_TALLIES_AT = SAMPLING_BINS_AT,
  SAMPLING_LIST_AT = SAMPLING_TALLIES_AT + 512,
  SAMPLING_BEST_AT = SAMPLING_BINS_AT + SAMPLING_PARTS * SAMPLING_BINS,
  SAMPLING_THRESHOLD_AT = SAMPLING_BEST_AT + 1,
  SAMPLING_STATE_LENGTH = SAMPLING_BEST_AT + 32
};

// step/step_program.cl: a command of a step program.
struct program_command {
  // Which case, and the units in each dimension.
  tessera_u32 number, x, y, z;
  // Where its argument block lies, in bytes from the first command, and which of the program's buffers each view is in.
  tessera_u32 block;
  tessera_u32 roots[13];
  // The buffer and the place of a number that x is limited to, which earlier commands have computed.
  tessera_u32 count_root, unused;
  tessera_u64 count_offset;
} SWIFT_NAME("ProgramCommand");

// step/step_program.cl: its own arguments, places in bytes.
struct program_arguments {
  tessera_u64 commands_offset, counters_offset, cleared_offset;
  // Commands, and commands whose counters are cleared.
  tessera_u32 count, cleared_count;
} SWIFT_NAME("ProgramArguments");

#endif
