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
  tessera_u64 x, rotation, slots, keys, values;
  tessera_u32 heads, kv_heads, stride, query_at, key_at, value_at, rotary, blocks, block_size, tokens;
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
  tessera_u64 scores, weights, slots, experts, order;
  tessera_u32 tokens, expert_count, top_k, tile_tokens, flags, unused;
} SWIFT_NAME("RouteArguments");

// experts/combine.cl
struct combine_arguments {
  tessera_u64 x, weights, slots, residual, y;
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
  tessera_u64 commands_offset, counters_offset;
  tessera_u32 count, set;
} SWIFT_NAME("ProgramArguments");

#endif
