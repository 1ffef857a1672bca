// What follows a product's sums: bias, gate, residual and store.

#pragma once

#define BIAS 1u
#define RESIDUAL 2u
#define GATE_SILU 4u
#define GATE_GELU 8u
#define GATE (GATE_SILU | GATE_GELU)

static inline lanes_f gated(lanes_f gate, lanes_f up, uint flags) {
  return (flags & GATE_SILU ? silu(gate) : gelu_tanh(gate)) * up;
}

#if SIMT

static inline void store_lanes(float value, global const float *bias, global const float *residual, global float *y, uint token,
                        uint group, uint lane, uint rows, uint y_stride, uint flags) {
  const uint row = group * LANES + lane;
  if (row >= rows) return;
  const ulong at = (ulong)token * y_stride + row;
  if (flags & BIAS) value += bias[row];
  if (flags & RESIDUAL) value += residual[at];
  y[at] = value;
}

#else

static inline void store_lanes(float16 value, global const float *bias, global const float *residual, global float *y, uint token,
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

#endif
