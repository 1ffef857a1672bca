// Moves rows of a GGUF matrix, block after block as the file has them, into the two planes of quantization/weights.cl
//
//   views   raw (row_count, columns) in the file's format: rows first_row … of a matrix of `rows`; weights: the planes of a matrix of any
//           number of rows; row r of this one goes to group r / 16 · group_step + group_start, so that matrices can be joined (step
//           1) or interleaved (step 2)
//   units   (row_count / 16, ⌈columns / (BLOCK · BLOCKS_PER_SCALE) / 4⌉), both rounded up, of 16 rows × 4 sets of scales
//
// A work-item moves what lies under one set of scales in one row; rows past the end become zero. One source serves both styles.

#include "quantization/both_styles.cl"
#include "quantization/weights.cl"
#include "quantization/gguf.cl"

#define SETS 4

static inline void repack_set(ROOTS, const struct repack_arguments *a, const uint row, const uint super, const uint supers) {
  const uint lane = row % LANES;
  const uint group = (a->first_row + row) / LANES * a->group_step + a->group_start;
  const bool present = row < a->row_count;
  global const uchar *block = VIEW(const uchar, 0, raw) + ((ulong)row * supers + super) * GGUF_BYTES;
  global uint *weights = VIEW(uint, 1, weights);
  global uint *words = weights + row_at(group, lane, supers * BLOCKS_PER_SCALE);
  for (uint part = 0; part < BLOCKS_PER_SCALE; ++part)
    for (uint w = 0; w < WORDS; ++w)
      words[WORD_OF_ROW((super * BLOCKS_PER_SCALE + part) * WORDS + w)] = present ? quant_word(block, part, w) : 0;
#if SCALES > 0
  global ushort *scales = (global ushort *)weights + a->scales_offset + scales_at(group, super, supers) + lane;
  for (uint s = 0; s < SCALES; ++s) scales[s * LANES] = present ? scale_half(block, s) : 0;
#endif
}

static inline void repack_body(ROOTS, const struct repack_arguments *a, const uint group, const uint part, const uint unused) {
  const uint supers = a->columns / (BLOCK * BLOCKS_PER_SCALE);
  for (uint i = FIRST_ITEM; i < LANES * SETS; i += LOCAL) {
    const uint super = part * SETS + i / LANES;
    if (super < supers) repack_set(roots, a, group * LANES + i % LANES, super, supers);
  }
}
KERNEL(repack, repack_arguments, 2)
