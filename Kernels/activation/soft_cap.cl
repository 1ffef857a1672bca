// x = cap · tanh(x / cap), in place (Gemma 2, Gemma Team 2024)
//
// vector: global (count/16 rounded up).  simt: global (count) and more.

#include "common/lanes.cl"
#include "common/math.cl"

kernel void soft_cap(global float *x, const float cap, const uint count) {
#if SIMT
  const uint i = get_global_id(0);
  if (i < count) x[i] = cap * hyperbolic_tangent(x[i] / cap);
#else
  const uint first = get_global_id(0) * LANES;
  if (first + LANES <= count) {
    vstore16(cap * hyperbolic_tangent(vload16(0, x + first) / cap), 0, x + first);
    return;
  }
  for (uint i = first; i < count; ++i) x[i] = cap * hyperbolic_tangent((float16)x[i] / cap).s0;
#endif
}
