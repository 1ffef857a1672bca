// The norms of one row, for the kernels that need them.
//
// Both styles add 256 partial sums, of the columns c with c mod 256 alike, and halve them until one is left.

#pragma once

#include "common/sums.cl"

#define PARTS 256

#define ADDS_RESIDUAL 1u
#define ADDS_BIAS 2u

static inline float inverse_root(float sum, uint columns, float epsilon) { return 1.0f / sqrt(sum / columns + epsilon); }

#if !SIMT

#define PART_VECTORS (PARTS / LANES)

static inline float16 row_tail(global const float *x, const uint columns) {
  float tail[LANES] = {0.0f};
  for (uint i = 0; i < columns % LANES; ++i) tail[i] = x[columns / LANES * LANES + i];
  return vload16(0, tail);
}

static inline float sum_of_parts(float16 *parts) {
  for (uint width = PART_VECTORS / 2; width > 0; width /= 2)
    for (uint i = 0; i < width; ++i) parts[i] += parts[i + width];
  return sum_of_lanes(parts[0]);
}

// The sum of squares of x − mean.
static inline float row_squares(global const float *x, const uint columns, const float mean) {
  float16 parts[PART_VECTORS];
  for (uint i = 0; i < PART_VECTORS; ++i) parts[i] = 0.0f;
  const uint whole = columns / LANES;
  for (uint c = 0; c < whole; ++c) {
    const float16 v = vload16(c, x) - mean;
    parts[c % PART_VECTORS] = fma(v, v, parts[c % PART_VECTORS]);
  }
  if (columns % LANES) {
    const int16 lane_ids = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float16 v = select((float16)0.0f, row_tail(x, columns) - mean, lane_ids < (int)(columns % LANES));
    parts[whole % PART_VECTORS] = fma(v, v, parts[whole % PART_VECTORS]);
  }
  return sum_of_parts(parts);
}

// The sum of x.
static inline float row_sum(global const float *x, const uint columns) {
  float16 parts[PART_VECTORS];
  for (uint i = 0; i < PART_VECTORS; ++i) parts[i] = 0.0f;
  const uint whole = columns / LANES;
  for (uint c = 0; c < whole; ++c) parts[c % PART_VECTORS] += vload16(c, x);
  if (columns % LANES) parts[whole % PART_VECTORS] += row_tail(x, columns);
  return sum_of_parts(parts);
}

#endif
