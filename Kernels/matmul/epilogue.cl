// What surrounds a product's sums: the sum of a block of activations before, bias, gate, residual and store after.

#pragma once

#define BIAS 1u
#define RESIDUAL 2u
#define GATE_SILU 4u
#define GATE_GELU 8u
#define GATE (GATE_SILU | GATE_GELU)

inline lanes_f gated(lanes_f gate, lanes_f up, uint flags) {
  return (flags & GATE_SILU ? silu(gate) : gelu_tanh(gate)) * up;
}

#if SIMT

inline void store_lanes(float value, global const float *bias, global const float *residual, global float *y, uint token,
                        uint group, uint lane, uint rows, uint y_stride, uint flags) {
  const uint row = group * LANES + lane;
  if (row >= rows) return;
  const ulong at = (ulong)token * y_stride + row;
  if (flags & BIAS) value += bias[row];
  if (flags & RESIDUAL) value += residual[at];
  y[at] = value;
}

#else

inline void store_lanes(float16 value, global const float *bias, global const float *residual, global float *y, uint token,
                        uint group, uint lane, uint rows, uint y_stride, uint flags) {
  const uint row = group * LANES;
  if (row >= rows) return;
  const ulong at = (ulong)token * y_stride + row;
  if (row + LANES <= rows) {
    if (flags & BIAS) value += vload16(0, bias + row);
    if (flags & RESIDUAL) value += vload16(0, residual + at);
    vstore16(value, 0, y + at);
    return;
  }
  float lanes[LANES];
  vstore16(value, 0, lanes);
  for (uint i = 0; row + i < rows; ++i) {
    float v = lanes[i];
    if (flags & BIAS) v += bias[row + i];
    if (flags & RESIDUAL) v += residual[at + i];
    y[at + i] = v;
  }
}

// The order in which activations.cl sums a block: lanes of 16 halved until one is left, then the two halves of a block of 32.
inline float sum_of_16(float16 v) {
  const float8 a = v.lo + v.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.lo + c.hi;
}

#endif
