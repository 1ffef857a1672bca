// y = x / √(mean(x²) + ε) · weight (+ residual), over rows of `columns` floats (Zhang & Sennrich 2019)
//
// Row r is x[r / heads · stride + r % heads · columns], and y likewise, so that heads inside a wider row can be normalized;
// y may be x. The order of the sum: norm/row.cl.
//
//   views   x, weight (columns), or one for each head, (heads, columns), bias (unused), residual and y, laid out alike
//   units   (rows)

#if !defined(LOCAL) && defined(SIMT) && SIMT
#define LOCAL 256
#endif

#include "common/kernel.cl"
#include "norm/staged.cl"

#if !SIMT

static inline void rmsnorm_body(ROOTS, const struct norm_arguments *a, const uint row, const uint unused_y, const uint unused_z) {
  global const float *x = VIEW(const float, 0, x) + (ulong)(row / a->heads) * a->x_stride + row % a->heads * a->columns;
  global const float *weight = VIEW(const float, 1, weight) + first_weight(a, row);
  const ulong out = (ulong)(row / a->heads) * a->y_stride + row % a->heads * a->columns;
  global const float *residual = VIEW(const float, 3, residual) + out;
  global float *y = VIEW(float, 4, y) + out;
  const uint columns = a->columns, whole = columns / LANES, adds_residual = a->flags & ADDS_RESIDUAL;
  const float factor = inverse_root(row_squares(x, columns, 0.0f), columns, a->epsilon);
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
KERNEL(rmsnorm, norm_arguments, 5)

#else

kernel GROUP_OF_ITEMS void rmsnorm(ROOTS_5, const struct norm_arguments arguments) {
  local float4 staged[CHUNK_COLUMNS / 4];
  local float parts[PARTS];
  global uchar *const roots[] = {LIST_5};
  staged_norm(roots, &arguments, get_group_id(0), false, staged, parts);
}

#endif
