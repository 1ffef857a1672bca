// Moves rows of a GGUF matrix, block after block as the file has them, into the two planes of quantization/weights.cl
//
//   raw       (row_count, columns) in the file's format: rows first_row … of a matrix of `rows`
//   weights   the planes of a matrix of any number of rows; row r of this one goes to group r / 16 · group_step + group_start,
//             so that matrices can be joined (step 1) or interleaved (step 2)
//
// One work-item moves what lies under one set of scales in one row; rows past the end become zero.
// global size (row_count rounded up to 16, columns / (BLOCK · BLOCKS_PER_SCALE)), local size (16, 1).

#undef SIMT
#define SIMT 1
#include "common/lanes.cl"
#include "quantization/weights.cl"
#include "quantization/gguf.cl"

kernel void repack(global const uchar *restrict raw, global uint *restrict weights, const ulong scales_offset,
                   const uint first_row, const uint row_count, const uint columns, const uint group_start,
                   const uint group_step) {
  const uint row = get_global_id(0);
  const uint super = get_global_id(1);
  const uint supers = columns / (BLOCK * BLOCKS_PER_SCALE);
  const uint lane = row % LANES;
  const uint group = (first_row + row) / LANES * group_step + group_start;
  const bool present = row < row_count;
  global const uchar *block = raw + ((ulong)row * supers + super) * GGUF_BYTES;

  for (uint part = 0; part < BLOCKS_PER_SCALE; ++part) {
    global uint *words = weights + quants_at(group, super * BLOCKS_PER_SCALE + part, supers * BLOCKS_PER_SCALE) + lane;
    for (uint w = 0; w < WORDS; ++w) words[w * WORD_STRIDE] = present ? quant_word(block, part, w) : 0;
  }
#if SCALES > 0
  global ushort *scales = (global ushort *)weights + scales_offset + scales_at(group, super, supers) + lane;
  for (uint s = 0; s < SCALES; ++s) scales[s * LANES] = present ? scale_half(block, s) : 0;
#endif
}
