// y[row] = x[indices[row]], rows of `columns` floats
//
//   views   x, indices (rows), y
//   units   (rows); simt work-items share a row's columns

#include "common/kernel.cl"

#if SIMT
#define FIRST_COLUMN get_local_id(0)
#else
#define FIRST_COLUMN 0
#endif

static inline void gather_rows_body(ROOTS, const struct gather_arguments *a, const uint row, const uint unused_y,
                                    const uint unused_z) {
  global const float *x = VIEW(const float, 0, x) + (ulong)VIEW(const uint, 1, indices)[row] * a->x_stride;
  global float *y = VIEW(float, 2, y) + (ulong)row * a->y_stride;
  for (uint c = FIRST_COLUMN; c < a->columns; c += LOCAL) y[c] = x[c];
}
KERNEL(gather_rows, gather_arguments, 3)
