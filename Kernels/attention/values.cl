// A tile's weights · V in the vector style. Lanes are the head's columns, or of values that are keys, which are transposed, rows;
// ROWS and the rest are those of flash_attention.vector.cl.

#pragma once

#define COLUMN_GROUPS (VALUE_SIZE / LANES)
// Few rows wait for memory, which is fastest in order of addresses: they go in parts whose sums of whole values are held, or one
// by one.
#define FEW_ROWS (ROWS <= 8)
#define WHOLE(rows) (ROWS % (rows) == 0 && (rows) * (COLUMN_GROUPS < 8 ? COLUMN_GROUPS : 8) <= HELD_SUMS)
#define PART_OF_ROWS (WHOLE(ROWS) ? ROWS : WHOLE(3) ? 3 : WHOLE(2) ? 2 : 1)
#define ROW_SPAN (FEW_ROWS ? PART_OF_ROWS : HELD_ROWS)
// Elements of values that are keys whose sums are held together.
#define ELEMENTS (HELD_SUMS >= 16 ? 16 : HELD_SUMS >= 4 ? 4 : 2)
#define COLUMNS_FIT(span) FITS(ROW_SPAN, span, COLUMN_GROUPS)
#define EVEN_SPAN (COLUMNS_FIT(8) ? 8 : COLUMNS_FIT(6) ? 6 : COLUMNS_FIT(4) ? 4 : COLUMNS_FIT(2) ? 2 : 1)
#define ODD_SPAN (COLUMNS_FIT(7) ? 7 : COLUMNS_FIT(5) ? 5 : COLUMNS_FIT(3) ? 3 : 1)
#define COLUMN_SPAN (COLUMN_GROUPS % 2 == 0 ? EVEN_SPAN : ODD_SPAN)
// Keys whose values stay in the first-level cache while rows and columns pass over them.
#define VALUE_PART (FEW_ROWS ? 32 : KEY_TILE)

// Where a row's column groups go from one tile of keys on.
struct target {
  float16 *sums;            // merged with those before, or
  global float *partials;   // as they are
  float old, new;
};

static inline void put(const struct target *t, const uint column_group, const float16 x) {
  if (t->partials)
    vstore16(x, column_group, t->partials);
  else
    t->sums[column_group] = fma(t->sums[column_group], (float16)t->old, x * t->new);
}

#if !SHARED_VALUES
// Where to fetch while group g's values are read: the values some groups on, behind the last of a tile's `to_group` the next tile's
// keys.
static inline global const uchar *behind_values(const struct attention *a, const ulong *groups, const uint to_group,
                                                const uint g) {
  const uint ahead = g + AHEAD(VALUE_BYTES);
  if (ahead < to_group) return (global const uchar *)(a->values + groups[ahead] * VALUE_GROUP(VALUE_SIZE));
  return (global const uchar *)(a->keys + groups[KEY_GROUPS + ahead - to_group] * KEY_GROUP(HEAD_SIZE));
}

// weights · V over the keys from ≤ k < to of a part of a tile, for ROW_SPAN rows and COLUMN_SPAN columns.
__attribute__((always_inline)) static inline void weigh_part(const struct attention *a, const ulong *groups, const uint to_group,
                                                     const int from, const int to, const uint column, const float *weights,
                                                     float16 acc[ROW_SPAN][COLUMN_SPAN]) {
#pragma unroll 1
  for (int start = from / LANES * LANES; start < to; start += LANES) {
    global const value_element *group = a->values + groups[start / LANES] * VALUE_GROUP(VALUE_SIZE);
    global const uchar *behind = behind_values(a, groups, to_group, start / LANES);
    float scales[COLUMN_SPAN][LANES];
#if IS_QUANTIZED(VALUE_TYPE)
#pragma unroll
    for (uint s = 0; s < COLUMN_SPAN; s += 2) vstore16(VALUE_SCALES(group, VALUE_SIZE, (column + s) / 2), 0, scales[s]);
#endif
    const uint last = min(to - start, LANES);
    for (uint k = max(from - start, 0); k < last; ++k) {
      float16 v[COLUMN_SPAN];
#pragma unroll
      for (uint s = 0; s < COLUMN_SPAN; ++s) {
        const uint at = (column + s) * LANES;
        v[s] = load_values(group, k, at, VALUE_SIZE, IS_QUANTIZED(VALUE_TYPE) ? scales[s / 2 * 2][k] : 1.0f);
        if (FETCHES(VALUE_TYPE)) FETCH(behind + (k * VALUE_SIZE + at) * sizeof(value_element));
      }
      const float *weight = weights + start + k;
#pragma unroll
      for (int m = 0; m < ROW_SPAN; ++m)
#pragma unroll
        for (uint s = 0; s < COLUMN_SPAN; ++s) acc[m][s] = fma(v[s], (float16)weight[m * SCORE_STRIDE], acc[m][s]);
    }
  }
}

// weights · V over the keys from ≤ k < to of a tile.
static inline void weigh_values(const struct attention *a, const ulong *groups, const int from, const int to, const float *weights,
                         const struct target *targets) {
  float16 sums[ROWS][COLUMN_GROUPS];
#pragma unroll 1
  for (int start = from; start < to;) {
    const int end = min(to, start / LANES * LANES + VALUE_PART);
#pragma unroll 1
    for (uint c = 0; c < COLUMN_GROUPS; c += COLUMN_SPAN) {
#pragma unroll 1
      for (uint r = 0; r < ROWS; r += ROW_SPAN) {
        float16 acc[ROW_SPAN][COLUMN_SPAN];
#pragma unroll
        for (uint m = 0; m < ROW_SPAN; ++m)
#pragma unroll
          for (uint s = 0; s < COLUMN_SPAN; ++s) acc[m][s] = start == from ? (float16)0.0f : sums[r + m][c + s];
        weigh_part(a, groups, (to + LANES - 1) / LANES, start, end, c, weights + r * SCORE_STRIDE, acc);
#pragma unroll
        for (uint m = 0; m < ROW_SPAN; ++m)
#pragma unroll
          for (uint s = 0; s < COLUMN_SPAN; ++s) {
            if (end < to)
              sums[r + m][c + s] = acc[m][s];
            else
              put(targets + r + m, c + s, acc[m][s]);
          }
      }
    }
    start = end;
  }
}
#else
// The same where values are the keys' first elements: lanes are rows, and an element of a key is the same for all of them.
static inline void weigh_values(const struct attention *a, const ulong *groups, const int from, const int to, const float *weights,
                         const struct target *targets) {
  float columns[KEY_TILE][LANES];
  for (int k = from; k < to; ++k)
    for (uint m = 0; m < LANES; ++m) columns[k][m] = m < ROWS ? weights[m * SCORE_STRIDE + k] : 0.0f;
#pragma unroll 1
  for (uint c = 0; c < COLUMN_GROUPS; ++c) {
    float16 sums[LANES];
#pragma unroll 1
    for (uint first = 0; first < LANES; first += ELEMENTS) {
      float16 acc[ELEMENTS];
#pragma unroll
      for (uint i = 0; i < ELEMENTS; ++i) acc[i] = 0.0f;
#pragma unroll 1
      for (int group_start = from / LANES * LANES; group_start < to; group_start += LANES) {
        global const key_element *group = a->keys + groups[group_start / LANES] * KEY_GROUP(HEAD_SIZE);
        float keys[ELEMENTS][LANES];
        float16 scales = 1.0f;
#if IS_QUANTIZED(KEY_TYPE)
        scales = KEY_SCALES(group, HEAD_SIZE, c / 2);
#endif
#pragma unroll
        for (uint i = 0; i < ELEMENTS; ++i) vstore16(load_keys(group, c * LANES + first + i, scales), 0, keys[i]);
        const int last = min(to, group_start + LANES);
        for (int k = max(from, group_start); k < last; ++k) {
          const float16 weight = vload16(k, columns[0]);
#pragma unroll
          for (uint i = 0; i < ELEMENTS; ++i) acc[i] = fma((float16)keys[i][k % LANES], weight, acc[i]);
        }
      }
#pragma unroll
      for (uint i = 0; i < ELEMENTS; ++i) sums[first + i] = acc[i];
    }
    float transposed[ROWS][LANES], *element = (float *)sums;
    for (uint m = 0; m < ROWS; ++m) {
      for (uint i = 0; i < LANES; ++i) transposed[m][i] = element[i * LANES + m];
      put(targets + m, c, vload16(0, transposed[m]));
    }
  }
}
#endif
