// y[token] = Σ_k weights[token, k] · x[slots[token, k]] (+ sigmoid(gate[token]) · shared[token]) (+ residual[token]): what a token's
// experts gave, added in the order of its choices
//
//   views   x (slots, columns); weights and slots (tokens, top_k) of experts/route.cl; residual, y and shared (tokens, columns);
//           gate (tokens)
//   units   (⌈columns / UNIT_COLUMNS⌉, tokens)

#include "common/kernel.cl"
#include "common/math.cl"
#include "common/wide.cl"

// In flags.
#define ADDS_RESIDUAL 1u
#define ADDS_SHARED 2u

#if SIMT
#define UNIT_COLUMNS (LOCAL * 4)
#else
#define UNIT_COLUMNS COMBINE_COLUMNS
#endif

static inline void combine_body(ROOTS, const struct combine_arguments *a, const uint part, const uint token, const uint unused) {
  global const float *x = VIEW(const float, 0, x), *weights = VIEW(const float, 1, weights) + token * a->top_k;
  global const uint *slots = VIEW(const uint, 2, slots) + token * a->top_k;
  global const float *residual = VIEW(const float, 3, residual) + (ulong)token * a->columns;
  global float *y = VIEW(float, 4, y) + (ulong)token * a->columns;
  global const float *shared = VIEW(const float, 5, shared) + (ulong)token * a->columns;
  const bool adds_residual = a->flags & ADDS_RESIDUAL, adds_shared = a->flags & ADDS_SHARED;
  const lanes_f gate = 1.0f / (1.0f + exponential((lanes_f)(adds_shared ? -VIEW(const float, 6, gate)[token] : 0.0f)));
  // Columns are a multiple of 16.
#if SIMT
  const uint c = part * UNIT_COLUMNS + get_local_id(0) * 4;
  if (c >= a->columns) return;
  const bool wide = IS_WIDE(x) && IS_WIDE(y) && (!adds_residual || IS_WIDE(residual)) && (!adds_shared || IS_WIDE(shared));
  float4 sum = 0.0f;
  for (uint k = 0; k < a->top_k; ++k) sum = fma((float4)weights[k], load_4(x + (ulong)slots[k] * a->columns + c, 4, wide), sum);
  if (adds_shared) sum = fma((float4)gate, load_4(shared + c, 4, wide), sum);
  if (adds_residual) sum += load_4(residual + c, 4, wide);
  store_4(sum, y + c, 4, wide);
#else
  const uint end = min(a->columns, (part + 1) * UNIT_COLUMNS);
  for (uint c = part * UNIT_COLUMNS; c < end; c += LANES) {
    float16 sum = 0.0f;
    for (uint k = 0; k < a->top_k; ++k) sum = fma((float16)weights[k], vload16(0, x + (ulong)slots[k] * a->columns + c), sum);
    if (adds_shared) sum = fma(gate, vload16(0, shared + c), sum);
    if (adds_residual) sum += vload16(0, residual + c);
    vstore16(sum, 0, y + c);
  }
#endif
}
KERNEL(combine, combine_arguments, 7)
