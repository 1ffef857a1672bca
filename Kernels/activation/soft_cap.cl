// y = cap · tanh(x / cap) (Gemma 2, Gemma Team 2024); the cap is a->scale. x (rows, x_stride), y (rows, y_stride), which may be x.
//
// units   (⌈size / UNIT_COLUMNS⌉, rows)

#include "common/kernel.cl"
#include "common/math.cl"
#include "common/wide.cl"

#if SIMT
#define UNIT_COLUMNS (LOCAL * 4)
#else
#define UNIT_COLUMNS ELEMENTWISE_COLUMNS
#endif

static inline void soft_cap_body(ROOTS, const struct elementwise_arguments *a, const uint part, const uint row, const uint unused) {
  global const float *x = VIEW(const float, 0, x) + (ulong)row * a->x_stride;
  global float *y = VIEW(float, 1, y) + (ulong)row * a->y_stride;
  const float cap = a->scale;
#if SIMT
  const uint i = part * UNIT_COLUMNS + get_local_id(0) * 4;
  const int count = (int)(a->size - i);
  const bool wide = a->size % 4 == 0 && IS_WIDE(x) && IS_WIDE(y);
  const float4 v = load_4(x + i, count, wide) / cap;
  const float4 tangents =
      (float4)(hyperbolic_tangent(v.x), hyperbolic_tangent(v.y), hyperbolic_tangent(v.z), hyperbolic_tangent(v.w));
  store_4(cap * tangents, y + i, count, wide);
#else
  const uint end = min(a->size, (part + 1) * UNIT_COLUMNS);
  uint i = part * UNIT_COLUMNS;
  for (; i + LANES <= end; i += LANES) vstore16(cap * hyperbolic_tangent(vload16(0, x + i) / cap), 0, y + i);
  for (; i < end; ++i) y[i] = cap * hyperbolic_tangent((float16)x[i] / cap).s0;
#endif
}
KERNEL(soft_cap, elementwise_arguments, 2)
