// y = x / √(mean(x²) + ε) · weight (+ residual), over rows of `columns` floats (Zhang & Sennrich 2019)
//
// Row r is x[r / heads · stride + r % heads · columns], and y likewise, so that heads inside a wider row can be normalised;
// y may be x. The order of the sum: norm/row.cl.
//
// vector: global (rows), local (1).  simt: global (rows · 256), local (256).

#include "norm/row.cl"

kernel void rmsnorm(global const float *x, global const float *restrict weight, global const float *residual, global float *y,
                    const uint heads, const uint columns, const uint x_stride, const uint y_stride, const float epsilon,
                    const uint adds_residual) {
#if SIMT
  local float parts[PARTS];
  const uint item = get_local_id(0);
  const uint row = get_group_id(0);
#else
  const uint row = get_global_id(0);
#endif
  x += (ulong)(row / heads) * x_stride + row % heads * columns;
  const ulong out = (ulong)(row / heads) * y_stride + row % heads * columns;
  y += out;
  residual += adds_residual ? out : 0;
#if SIMT
  const float factor = row_factor(x, columns, epsilon, parts, item, PARTS);
  for (uint c = item; c < columns; c += PARTS) {
    float v = x[c] * factor * weight[c];
    if (adds_residual) v += residual[c];
    y[c] = v;
  }
#else
  normalise_row(x, weight, residual, y, columns, epsilon, adds_residual);
#endif
}
