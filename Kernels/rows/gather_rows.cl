// y[row] = x[indices[row]], or x[row], of which `columns` floats are copied; the rest of y_stride becomes zero, or is left alone
//
//   views   x, indices (rows) where flags say so, y
//   units   vector (rows); simt (⌈y_stride / UNIT_COLUMNS⌉, rows), a work-item has four columns

#include "common/kernel.cl"
#include "common/wide.cl"

// In flags: rows of x are those that the indices name.
#define INDEXED 1u
#define LEAVES_REST 2u

#define UNIT_COLUMNS (LOCAL * 4)

static inline void gather_rows_body(ROOTS, const struct gather_arguments *a, const uint part_or_row, const uint row_of_part,
                                    const uint unused_z) {
  const uint end = a->flags & LEAVES_REST ? a->columns : a->y_stride;
  const uint row = SIMT ? row_of_part : part_or_row;
  const uint from = a->flags & INDEXED ? VIEW(const uint, 1, indices)[row] : row;
  global const float *x = VIEW(const float, 0, x) + (ulong)from * a->x_stride;
  global float *y = VIEW(float, 2, y) + (ulong)row * a->y_stride;
#if SIMT
  const uint c = part_or_row * UNIT_COLUMNS + get_local_id(0) * 4;
  const bool wide = a->columns % 4 == 0 && a->y_stride % 4 == 0 && IS_WIDE(x) && IS_WIDE(y);
  store_4(load_4(x + c, (int)(a->columns - c), wide), y + c, (int)(end - c), wide);
#else
  for (uint c = 0; c < a->columns; ++c) y[c] = x[c];
  for (uint c = a->columns; c < end; ++c) y[c] = 0;
#endif
}
KERNEL(gather_rows, gather_arguments, 3)
