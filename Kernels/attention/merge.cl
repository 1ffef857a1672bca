// out = the ordered merge of a row's partial results, one for each tile of keys (FlashAttention-2's split, Dao 2023)
//
// The arithmetic is flash_attention's where one work-item computes all tiles, so the result is too. A work-item merges one lane
// (simt) or 16 (vector) of a row's columns. Arguments: see
// flash_attention.vector.cl.
//
// global size (VALUE_SIZE or VALUE_SIZE / 16, heads, tokens), any local size.

#include "attention/form.cl"

#define WIDTH (SIMT ? 1 : LANES)

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
  STORE_LANES(sums * factor, a->out + ((ulong)token * a->heads + head) * VALUE_SIZE + column);
}

kernel void merge_partials(global const int4 *restrict tiles, global const int *restrict positions,
                           global const uint *restrict masks, global const float *restrict sinks, global float *restrict out,
                           global float *restrict log_sums, global float *restrict partials, const uint tile_count,
                           const uint heads, const uint window, const uint sink_keys, const uint key_tiles) {
  const struct attention a = {.positions = positions, .masks = masks, .sinks = sinks, .out = out, .log_sums = log_sums,
                              .partials = partials, .heads = heads, .window = window, .sink_keys = sink_keys,
                              .key_tiles = key_tiles};
  const uint token = get_global_id(2);
  int4 tile = tiles[0];
  for (uint i = 1; i < tile_count && (int)token >= tile.x + tile.y; ++i) tile = tiles[i];
  merge_row(&a, tile, token, get_global_id(1), get_global_id(0) * WIDTH);
}

// The attention over several sets of keys, of each set's result and log Σ exp(score): in order, by the same merge.
//   results (parts, rows, VALUE_SIZE);  sums (parts, rows);  out (rows, VALUE_SIZE);  log_sums (rows)
// global size (VALUE_SIZE or VALUE_SIZE / 16, rows)
kernel void merge_results(global const float *restrict results, global const float *restrict sums, global float *restrict out,
                          global float *restrict log_sums, const uint parts, const uint rows) {
  const uint row = get_global_id(1), column = get_global_id(0) * WIDTH;
  lanes_f highest = LOWEST, total = 0.0f, merged = 0.0f;
  for (uint i = 0; i < parts; ++i) {
    const float sum = sums[i * rows + row];
    // A part without a key that the row sees.
    if (!(sum > LOWEST)) continue;
    const struct merge m = merge_of(highest, sum);
    highest = m.highest;
    total = fma(total, m.old, m.new);
    merged = fma(merged, m.old, LOAD_LANES(results + ((ulong)i * rows + row) * VALUE_SIZE + column) * m.new);
  }
  const float all = FIRST_LANE(total);
  STORE_LANES(all > 0.0f ? merged / total : (lanes_f)0.0f, out + (ulong)row * VALUE_SIZE + column);
  if (column == 0) log_sums[row] = all > 0.0f ? FIRST_LANE(highest) + FIRST_LANE(logarithm(total)) : -INFINITY;
}
