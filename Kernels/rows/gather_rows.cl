// y[row] = x[indices[row]], or x[row], of which `columns` floats are copied; the rest of y_stride becomes zero
//
//   views   x, indices (rows) where flags say so, y
//   units   (rows); simt work-items share a row's columns

#include "common/kernel.cl"

#if SIMT
#define FIRST_COLUMN get_local_id(0)
#else
#define FIRST_COLUMN 0
#endif

// In flags: rows of x are those that the indices name.
#define INDEXED 1u

static inline void gather_rows_body(ROOTS, const struct gather_arguments *a, const uint row, const uint unused_y,
                                    const uint unused_z) {
  const uint from = a->flags & INDEXED ? VIEW(const uint, 1, indices)[row] : row;
  global const float *x = VIEW(const float, 0, x) + (ulong)from * a->x_stride;
  global float *y = VIEW(float, 2, y) + (ulong)row * a->y_stride;
  for (uint c = FIRST_COLUMN; c < a->columns; c += LOCAL) y[c] = x[c];
  for (uint c = a->columns + FIRST_COLUMN; c < a->y_stride; c += LOCAL) y[c] = 0;
}
KERNEL(gather_rows, gather_arguments, 3)
