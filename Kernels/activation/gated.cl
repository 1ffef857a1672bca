// y[token, i] = act(gate) · up: SwiGLU with SiLU, GeGLU with GELU's tanh form (Shazeer 2020)
//
// For gates and ups that no fused product makes: x (tokens, 2 · size) holds a token's gates, then its ups; y (tokens, size).
// vector: global (size/16 rounded up, tokens).  simt: global (size and more, tokens).

#include "common/lanes.cl"
#include "common/math.cl"

#ifndef GELU
#define GELU 0
#endif
#if GELU
#define ACTIVATION gelu_tanh
#else
#define ACTIVATION silu
#endif

kernel void gated(global const float *restrict x, global float *restrict y, const uint size) {
  x += (ulong)get_global_id(1) * 2 * size;
  y += (ulong)get_global_id(1) * size;
#if SIMT
  const uint i = get_global_id(0);
  if (i < size) y[i] = ACTIVATION(x[i]) * x[size + i];
#else
  const uint first = get_global_id(0) * LANES;
  if (first + LANES <= size) {
    vstore16(ACTIVATION(vload16(0, x + first)) * vload16(0, x + size + first), 0, y + first);
    return;
  }
  for (uint i = first; i < size; ++i) y[i] = ACTIVATION((float16)x[i]).s0 * x[size + i];
#endif
}
