// out = the ordered merge of a row's partial results, one for each tile of keys (FlashAttention-2's split, Dao 2023)
//
// The arithmetic is flash_attention's where one unit computes all tiles, so the result is too. Views: those of
// flash_attention.vector.cl.
//
// units (heads, tokens); attention/merge.simt.cl is the simt style's

#include "attention/form.cl"

#define WIDTH (SIMT ? 1 : LANES)
#if SIMT
#define FIRST_COLUMN get_local_id(0)
#define COLUMN_STEP LOCAL
#else
#define FIRST_COLUMN 0
#define COLUMN_STEP LANES
#endif

// Columns from `column` on of a row of RESULT_SIZE.
static inline void store_columns(const lanes_f x, global float *row, const uint column) {
#if !SIMT && RESULT_SIZE % LANES != 0
  if (column + LANES > RESULT_SIZE) {
    float tail[LANES];
    vstore16(x, 0, tail);
    for (uint i = 0; i < RESULT_SIZE % LANES; ++i) row[column + i] = tail[i];
    return;
  }
#endif
  STORE_LANES(x, row + column);
}

#if !SIMT
static inline void merge_row(const struct attention *a, const int4 tile, const uint token, const uint head, const uint column) {
  const struct range r = range_of(a, tile, token);
  lanes_f highest = LOWEST, total = 0.0f, sums = 0.0f;
  const uint tiles = (max(r.last + 1, 0) + KEY_TILE - 1) / KEY_TILE;
  for (uint t = 0; t < tiles; ++t) {
    if (!sees_some(a, r, t * KEY_TILE, (t + 1) * KEY_TILE)) continue;
    global const float *partial = a->partials + (((ulong)token * a->heads + head) * a->key_tiles + t) * PARTIAL_SIZE;
    const struct merge merged = merge_of(highest, partial[0]);
    highest = merged.highest;
    total = fma(total, merged.old, partial[1] * merged.new);
    sums = fma(sums, merged.old, LOAD_LANES(partial + 16 + column) * merged.new);
  }
  const float factor = last_factor(a, token, head, FIRST_LANE(highest), FIRST_LANE(total));
  store_columns(sums * factor, a->out + ((ulong)token * a->heads + head) * RESULT_SIZE, column);
}

static inline void merge_partials_body(ROOTS, const struct attention_arguments *a, const uint head, const uint index,
                                       const uint unused) {
  const uint token = a->first_token + index;
  struct attention all;
  set_attention(&all, roots, a);
  global const int4 *tiles = VIEW(const int4, 4, tiles);
#if MASK == CAUSAL
  const int4 tile = (int4)0;
#else
  int4 tile = tiles[0];
  for (uint i = 1; i < a->tile_count && (int)token >= tile.x + tile.y; ++i) tile = tiles[i];
#endif
  for (uint column = FIRST_COLUMN; column < RESULT_SIZE; column += COLUMN_STEP) merge_row(&all, tile, token, head, column);
}
KERNEL(merge_partials, attention_arguments, 13)
#endif

// The attention over several sets of keys, of each set's result and log Σ exp(score): in order, by the same merge.
//   views   results (parts, rows, RESULT_SIZE);  sums (parts, rows);  out (rows, RESULT_SIZE);  log_sums (rows)
//   units   (rows)
static inline void merge_results_body(ROOTS, const struct merge_arguments *a, const uint row, const uint unused_y,
                                      const uint unused_z) {
  global const float *results = VIEW(const float, 0, results), *sums = VIEW(const float, 1, sums);
  for (uint column = FIRST_COLUMN; column < RESULT_SIZE; column += COLUMN_STEP) {
    lanes_f highest = LOWEST, total = 0.0f, merged = 0.0f;
    for (uint i = 0; i < a->parts; ++i) {
      const float sum = sums[i * a->rows + row];
      // A part without a key that the row sees.
      if (!(sum > LOWEST)) continue;
      const struct merge m = merge_of(highest, sum);
      highest = m.highest;
      total = fma(total, m.old, m.new);
      merged = fma(merged, m.old, LOAD_LANES(results + ((ulong)i * a->rows + row) * RESULT_SIZE + column) * m.new);
    }
    const float all = FIRST_LANE(total);
    store_columns(all > 0.0f ? merged / total : (lanes_f)0.0f, VIEW(float, 2, out) + (ulong)row * RESULT_SIZE, column);
    if (column == 0) VIEW(float, 3, log_sums)[row] = all > 0.0f ? FIRST_LANE(highest) + FIRST_LANE(logarithm(total)) : -INFINITY;
  }
}
KERNEL(merge_results, merge_arguments, 4)
