// What becomes of a tile's weights · V in the simt style: it is merged with the tiles before, or stored as it is, and in the end the
// rows' results are stored. Work-item m < ROWS keeps row m's largest score and sum of weights; units are those of values.simt.cl.

#pragma once

struct running {
  float highest, total;
};

// What all work-items share of the rows, in local memory: a tile's largest scores, the lanes of its sums of weights, and the factors of
// the sums before and of the tile's.
struct shared_rows {
  local float *largest, *old, *new;
  local float4 (*lanes)[LANES / 4];
};

INLINE void clear_sums(unit_sums sums) {
#pragma unroll
  for (uint u = 0; u < ITEM_UNITS; ++u)
#pragma unroll
    for (uint m = 0; m < UNIT_ROWS; ++m)
#pragma unroll
      for (uint c = 0; c < UNIT_COLUMNS; ++c) sums[u][m][c] = 0.0f;
}

// A row's place among results, or partial results.
static inline ulong place_of_row(const struct attention *a, const struct rows *rows, const uint row) {
  return (ulong)token_of(rows, row) * a->heads + head_of(rows, row);
}

static inline global float *partial_of(const struct attention *a, const struct rows *rows, const uint row, const uint tile) {
  return a->partials + (place_of_row(a, rows, row) * a->key_tiles + tile) * PARTIAL_SIZE;
}

// Takes a tile's largest score among those before; the caller's barrier makes the factors visible.
INLINE void meet_largest(const struct shared_rows *s, const uint item, struct running *running) {
  const struct merge merged = merge_of(running->highest, s->largest[item]);
  running->highest = merged.highest;
  s->old[item] = merged.old;
  s->new[item] = merged.new;
}

// Ends tile number `tile`, whose sums are `acc`.
INLINE void end_tile(const struct attention *a, const struct rows *rows, const uint tile, const uint item, const struct shared_rows *s,
                     struct running *running, unit_sums acc, unit_sums sums) {
  if (item < ROWS) {
    const float sum = sum_of_sixteen(s->lanes[item]);
    running->total = fma(running->total, s->old[item], sum * s->new[item]);
    if (a->splits > 1 && is_row(rows, item)) {
      global float *partial = partial_of(a, rows, item, tile);
      partial[0] = s->largest[item];
      partial[1] = sum;
    }
  }
#pragma unroll
  for (uint u = 0; u < ITEM_UNITS; ++u) {
    const uint column = item / ROW_UNITS + u * (LOCAL / ROW_UNITS);
#pragma unroll
    for (uint m = 0; m < UNIT_ROWS; ++m) {
      const uint row = item % ROW_UNITS * UNIT_ROWS + m;
      if (a->splits == 1) {
#pragma unroll
        for (uint c = 0; c < UNIT_COLUMNS; ++c) sums[u][m][c] = fma(sums[u][m][c], s->old[row], acc[u][m][c] * s->new[row]);
      } else if (column < COLUMN_UNITS && is_row(rows, row)) {
        global float *partial = partial_of(a, rows, row, tile) + 16 + column_of(column * UNIT_COLUMNS);
#if UNIT_COLUMNS == 4
        *(global float4 *)partial = (float4)(acc[u][m][0], acc[u][m][1], acc[u][m][2], acc[u][m][3]);
#else
#pragma unroll
        for (uint c = 0; c < UNIT_COLUMNS; ++c) partial[c] = acc[u][m][c];
#endif
      }
    }
  }
}

// Stores the rows' results, where there are no partial ones. `old` is not read any more.
INLINE void store_rows(const struct attention *a, const struct rows *rows, const uint item, const struct shared_rows *s,
                       const struct running *running, unit_sums sums) {
  local float *factors = s->old;
  if (item < ROWS && a->splits == 1 && is_row(rows, item))
    factors[item] = last_factor(a, token_of(rows, item), head_of(rows, item), running->highest, running->total);
  SYNC;
  // Not a return before: with it compilers for NVIDIA take four more registers.
  if (a->splits == 1) {
#pragma unroll
    for (uint u = 0; u < ITEM_UNITS; ++u) {
      const uint column = item / ROW_UNITS + u * (LOCAL / ROW_UNITS);
#pragma unroll
      for (uint m = 0; m < UNIT_ROWS; ++m) {
        const uint row = item % ROW_UNITS * UNIT_ROWS + m;
        if (column >= COLUMN_UNITS || !is_row(rows, row)) continue;
        global float *out = a->out + place_of_row(a, rows, row) * RESULT_SIZE;
#pragma unroll
        for (uint c = 0; c < UNIT_COLUMNS; ++c) {
          const uint at = column_of(column * UNIT_COLUMNS + c);
          if (at < RESULT_SIZE) out[at] = sums[u][m][c] * factors[row];
        }
      }
    }
  }
}
