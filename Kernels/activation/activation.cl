// y = activation(x), or with GATED y = activation(x[i]) · x[size + i]: SwiGLU, GeGLU and their like (Shazeer 2020)
//
// For what no product's epilogue does. x (rows, x_stride), y (rows, y_stride).
//   units   (⌈size / UNIT_COLUMNS⌉, rows)

#include "common/kernel.cl"
#include "common/activations.cl"
#include "common/wide.cl"

#ifndef GATED
#define GATED 0
#endif
#if SIMT
#define UNIT_COLUMNS (LOCAL * 4)
#else
#define UNIT_COLUMNS ELEMENTWISE_COLUMNS
#endif

static inline void activation_body(ROOTS, const struct elementwise_arguments *a, const uint part, const uint row, const uint unused) {
  global const float *x = VIEW(const float, 0, x) + (ulong)row * a->x_stride;
  global float *y = VIEW(float, 1, y) + (ulong)row * a->y_stride;
#if SIMT
  const uint i = part * UNIT_COLUMNS + get_local_id(0) * 4;
  const int count = (int)(a->size - i);
  const bool wide = a->size % 4 == 0 && IS_WIDE(x) && IS_WIDE(y);
  const float4 v = load_4(x + i, count, wide);
#if GATED
  const float4 up = load_4(x + a->size + i, count, wide);
  store_4((float4)(gated(v.x, up.x), gated(v.y, up.y), gated(v.z, up.z), gated(v.w, up.w)), y + i, count, wide);
#else
  store_4((float4)(activated(v.x), activated(v.y), activated(v.z), activated(v.w)), y + i, count, wide);
#endif
#else
  const uint end = min(a->size, (part + 1) * UNIT_COLUMNS);
  uint i = part * UNIT_COLUMNS;
  for (; i + LANES <= end; i += LANES) {
    const float16 v = vload16(0, x + i);
    vstore16(GATED ? gated(v, vload16(0, x + a->size + i)) : activated(v), 0, y + i);
  }
  for (; i < end; ++i) y[i] = (GATED ? gated((float16)x[i], (float16)x[a->size + i]) : activated((float16)x[i])).s0;
#endif
}
KERNEL(activation, elementwise_arguments, 2)
