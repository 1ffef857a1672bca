// y = x / √(mean(x²) + ε) · weight (+ residual), over rows of `columns` floats (Zhang & Sennrich 2019)
//
// Row r is x[r / heads · stride + r % heads · columns], and y likewise, so that heads inside a wider row can be normalised;
// y may be x. Both styles add 256 partial sums, of the columns c with c mod 256 alike, and halve them until one is left.
//
// vector: global (rows), local (1).  simt: global (rows · 256), local (256).

#pragma once

#include "common/lanes.cl"

#define PARTS 256

inline float inverse_root(float sum, uint columns, float epsilon) { return 1.0f / sqrt(sum / columns + epsilon); }

#if !SIMT
// The norm of one row.
inline void normalise_row(global const float *x, global const float *weight, global const float *residual, global float *y,
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
  const float8 a = parts[0].lo + parts[0].hi;
  const float4 b = a.lo + a.hi;
  const float2 d = b.lo + b.hi;
  const float factor = inverse_root(d.lo + d.hi, columns, epsilon);
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

kernel void rmsnorm(global const float *x, global const float *restrict weight, global const float *residual, global float *y,
                    const uint heads, const uint columns, const uint x_stride, const uint y_stride, const float epsilon,
                    const uint adds_residual) {
#if SIMT
  local float parts[PARTS];
  const uint part = get_local_id(0);
  const uint row = get_group_id(0);
#else
  const uint row = get_global_id(0);
#endif
  x += (ulong)(row / heads) * x_stride + row % heads * columns;
  const ulong out = (ulong)(row / heads) * y_stride + row % heads * columns;
  y += out;
  residual += adds_residual ? out : 0;
#if SIMT
  float sum = 0.0f;
  for (uint c = part; c < columns; c += PARTS) sum = fma(x[c], x[c], sum);
  parts[part] = sum;
  for (uint width = PARTS / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (part < width) parts[part] += parts[part + width];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const float factor = inverse_root(parts[0], columns, epsilon);
  for (uint c = part; c < columns; c += PARTS) {
    float v = x[c] * factor * weight[c];
    if (adds_residual) v += residual[c];
    y[c] = v;
  }
#else
  normalise_row(x, weight, residual, y, columns, epsilon, adds_residual);
#endif
}
