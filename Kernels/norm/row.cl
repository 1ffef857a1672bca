// The root mean square norm of one row, x / √(mean(x²) + ε) · weight (+ residual), for the kernels that need it.
//
// Both styles add 256 partial sums, of the columns c with c mod 256 alike, and halve them until one is left.

#pragma once

#include "common/sums.cl"

#define PARTS 256

static inline float inverse_root(float sum, uint columns, float epsilon) { return 1.0f / sqrt(sum / columns + epsilon); }

#if SIMT

// The factor 1 / √…, for all `items` work-items of a work-group together; `parts` holds PARTS floats.
static inline float row_factor(global const float *x, const uint columns, const float epsilon, local float *parts, const uint item,
                        const uint items) {
  for (uint part = item; part < PARTS; part += items) {
    float sum = 0.0f;
    for (uint c = part; c < columns; c += PARTS) sum = fma(x[c], x[c], sum);
    parts[part] = sum;
  }
  for (uint width = PARTS / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint part = item; part < width; part += items) parts[part] += parts[part + width];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  return inverse_root(parts[0], columns, epsilon);
}

#else

static inline void normalise_row(global const float *x, global const float *weight, global const float *residual, global float *y,
                          const uint columns, const float epsilon, const uint adds_residual) {
  float16 parts[PARTS / LANES];
  for (uint i = 0; i < PARTS / LANES; ++i) parts[i] = 0.0f;
  const uint whole = columns / LANES;
  for (uint c = 0; c < whole; ++c) {
    const float16 v = vload16(c, x);
    parts[c % (PARTS / LANES)] = fma(v, v, parts[c % (PARTS / LANES)]);
  }
  if (columns % LANES) {
    float tail[LANES] = {0.0f};
    for (uint i = 0; i < columns % LANES; ++i) tail[i] = x[whole * LANES + i];
    const float16 v = vload16(0, tail);
    parts[whole % (PARTS / LANES)] = fma(v, v, parts[whole % (PARTS / LANES)]);
  }
  for (uint width = PARTS / LANES / 2; width > 0; width /= 2)
    for (uint i = 0; i < width; ++i) parts[i] += parts[i + width];
  const float factor = inverse_root(sum_of_lanes(parts[0]), columns, epsilon);
  for (uint c = 0; c < whole; ++c) {
    float16 v = vload16(c, x) * factor * vload16(c, weight);
    if (adds_residual) v += vload16(c, residual);
    vstore16(v, c, y);
  }
  for (uint c = whole * LANES; c < columns; ++c) {
    float v = x[c] * factor * weight[c];
    if (adds_residual) v += residual[c];
    y[c] = v;
  }
}

#endif
