// y[token] = Σ_k weights[token, k] · x[slots[token, k]] (+ residual[token]): what a token's experts gave, added in the order of its choices
//
//   views   x (slots, columns); weights and slots (tokens, top_k) of experts/route.cl; residual and y (tokens, columns)
//   units   (⌈columns / UNIT_COLUMNS⌉, tokens)

#include "common/kernel.cl"

// In flags.
#define ADDS_RESIDUAL 1u

#if SIMT
#define UNIT_COLUMNS LOCAL
#define FIRST_COLUMN get_local_id(0)
#define COLUMN_STEP LOCAL
#else
#define UNIT_COLUMNS COMBINE_COLUMNS
#define FIRST_COLUMN 0
#define COLUMN_STEP LANES
#endif

static inline void combine_body(ROOTS, const struct combine_arguments *a, const uint part, const uint token, const uint unused) {
  global const float *x = VIEW(const float, 0, x), *weights = VIEW(const float, 1, weights) + token * a->top_k;
  global const uint *slots = VIEW(const uint, 2, slots) + token * a->top_k;
  global const float *residual = VIEW(const float, 3, residual) + (ulong)token * a->columns;
  global float *y = VIEW(float, 4, y) + (ulong)token * a->columns;
  const uint end = min(a->columns, (part + 1) * UNIT_COLUMNS);
  for (uint c = part * UNIT_COLUMNS + FIRST_COLUMN; c < end; c += COLUMN_STEP) {
    // Columns are a multiple of 16.
    lanes_f sum = 0.0f;
    for (uint k = 0; k < a->top_k; ++k) sum = fma((lanes_f)weights[k], LOAD_LANES(x + (ulong)slots[k] * a->columns + c), sum);
    if (a->flags & ADDS_RESIDUAL) sum += LOAD_LANES(residual + c);
    STORE_LANES(sum, y + c);
  }
}
KERNEL(combine, combine_arguments, 5)
