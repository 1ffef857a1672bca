// ids[i] = the token that was chosen for row i: a step takes it while the host does not know it yet. Of a row without a choice it is
// the vocabulary's last one, so that there is an embedding to read; nobody reads such a row's result.
//
//   views   x: sampled rows; indices: unused; y: ids (rows)
//   units   (⌈rows / LOCAL⌉)

#include "common/kernel.cl"

static inline void feed_body(ROOTS, const struct gather_arguments *a, const uint unit, const uint unused_y,
                             const uint unused_z) {
  const uint row = unit * LOCAL + get_local_id(0);
  if (row >= a->rows) return;
  global const struct sampled_row *chosen = VIEW(const struct sampled_row, 0, x);
  VIEW(uint, 2, y)[row] = min(chosen[row].token, a->columns - 1);
}
KERNEL(feed, gather_arguments, 3)
