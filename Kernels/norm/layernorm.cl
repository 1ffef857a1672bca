// y = (x − mean) / √(variance + ε) · weight (+ bias) (+ residual), over rows of `columns` floats (Ba et al. 2016)
//
// The mean, then the mean of (x − mean)², in the order of norm/row.cl. Views and units are those of norm/rmsnorm.cl.

#if !defined(LOCAL) && defined(SIMT) && SIMT
#define LOCAL 256
#endif

#include "common/kernel.cl"
#include "norm/staged.cl"

#if !SIMT

static inline void layernorm_body(ROOTS, const struct norm_arguments *a, const uint row, const uint unused_y, const uint unused_z) {
  global const float *x = VIEW(const float, 0, x) + (ulong)(row / a->heads) * a->x_stride + row % a->heads * a->columns;
  global const float *weight = VIEW(const float, 1, weight) + first_weight(a, row), *bias = VIEW(const float, 2, bias);
  const ulong out = (ulong)(row / a->heads) * a->y_stride + row % a->heads * a->columns;
  global const float *residual = VIEW(const float, 3, residual) + out;
  global float *y = VIEW(float, 4, y) + out;
  const uint columns = a->columns, whole = columns / LANES;
  const float mean = row_sum(x, columns) / columns;
  const float factor = inverse_root(row_squares(x, columns, mean), columns, a->epsilon);
  for (uint c = 0; c < whole; ++c) {
    float16 v = (vload16(c, x) - mean) * factor * vload16(c, weight);
    if (a->flags & ADDS_BIAS) v += vload16(c, bias);
    if (a->flags & ADDS_RESIDUAL) v += vload16(c, residual);
    vstore16(v, c, y);
  }
  for (uint c = whole * LANES; c < columns; ++c) {
    float v = (x[c] - mean) * factor * weight[c];
    if (a->flags & ADDS_BIAS) v += bias[c];
    if (a->flags & ADDS_RESIDUAL) v += residual[c];
    y[c] = v;
  }
}
KERNEL(layernorm, norm_arguments, 5)

#else

kernel GROUP_OF_ITEMS void layernorm(ROOTS_5, const struct norm_arguments arguments) {
  local float4 staged[CHUNK_COLUMNS / 4];
  local float parts[PARTS];
  global uchar *const roots[] = {LIST_5};
  staged_norm(roots, &arguments, get_group_id(0), true, staged, parts);
}

#endif
