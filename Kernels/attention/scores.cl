// A tile's scores in the vector style, q Kᵀ, and which of them a row sees. Lanes are keys; ROWS and the rest are those of
// flash_attention.vector.cl.

#pragma once

#define LANE_IDS (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define QUERY_GROUPS (HEAD_SIZE / LANES + 1)
// Rows whose sums are in registers at once: a divisor of ROWS.
#define HOLDS(rows) ((rows) <= HELD_SUMS && ROWS % (rows) == 0)
#define HELD_ROWS (HOLDS(ROWS) ? ROWS : HOLDS(6) ? 6 : HOLDS(5) ? 5 : HOLDS(4) ? 4 : HOLDS(3) ? 3 : HOLDS(2) ? 2 : 1)
// Few rows wait for memory, which is fastest in order of addresses; quants keep them busy.
#define KEY_SPAN                   \
  (ROWS <= 4 && !IS_QUANTIZED(KEY_TYPE) ? 1 \
   : FITS(HELD_ROWS, 8, KEY_GROUPS) ? 8 \
   : FITS(HELD_ROWS, 4, KEY_GROUPS) ? 4 \
   : FITS(HELD_ROWS, 2, KEY_GROUPS) ? 2 \
                               : 1)
// A token's rows, which read all of its keys once. A row of a group of its own reads floats as fast as memory gives them.
#define FETCHES(type) (SHARED_VALUES || (ROWS <= 8 && (ROWS > 1 || IS_QUANTIZED(type))))
// How far ahead, and how many groups that is, of so many bytes each: a sequence's blocks lie anywhere.
#define FETCH_BYTES 16384
#define MOST_AHEAD 8
#define AHEAD(bytes) (FETCH_BYTES / (bytes) > MOST_AHEAD ? MOST_AHEAD : FETCH_BYTES / (bytes) < 1 ? 1 : FETCH_BYTES / (bytes))
#define KEY_BYTES (KEY_GROUP(HEAD_SIZE) * sizeof(key_element))
#define VALUE_BYTES (VALUE_GROUP(VALUE_SIZE) * sizeof(value_element))
// Elements that share a scale.
#define KEY_BLOCK (IS_QUANTIZED(KEY_TYPE) ? 32 : QUERY_SIZE)

static inline float largest_lane(float16 v) {
  const float8 a = max(v.lo, v.hi);
  const float4 b = max(a.lo, a.hi);
  const float2 c = max(b.lo, b.hi);
  return max(c.lo, c.hi);
}

// Whether and what lanes of 16 keys from `position` on a row sees.
static inline int16 seen(const struct attention *a, const struct range r, const uint token, const int4 tile, const int position) {
  const int16 key = LANE_IDS + position;
  int16 visible = key >= r.first && key <= r.last;
  if (a->sink_keys > 0) visible |= key < (int)a->sink_keys && key <= r.last;
#if MASK == TREE
  const uint bits = tree_bits(a->masks + token * TREE_WORDS, position - tile.w);
  visible &= ((int16)bits >> LANE_IDS & 1) != 0;
#endif
  return visible;
}

// Where to fetch while group g's keys are read: the keys some groups on, behind the tile's last the values of its first.
static inline global const uchar *behind_keys(const struct attention *a, const ulong *groups, const uint from_group,
                                              const uint to_group, const uint g) {
#if SHARED_VALUES
  // A group is longer than that.
  return (global const uchar *)(a->keys + groups[g] * KEY_GROUP(HEAD_SIZE)) + FETCH_BYTES;
#else
  const uint ahead = g + AHEAD(KEY_BYTES);
  if (ahead < to_group) return (global const uchar *)(a->keys + groups[ahead] * KEY_GROUP(HEAD_SIZE));
  return (global const uchar *)(a->values + groups[min(from_group + ahead - to_group, to_group - 1)] * VALUE_GROUP(VALUE_SIZE));
#endif
}

// Scores of the groups from_group ≤ g < to_group of a tile: (ROWS, SCORE_STRIDE).
static inline void score_keys(const struct attention *a, const ulong *groups, const uint from_group, const uint to_group,
                       const float *query, float16 *scores) {
#pragma unroll 1
  for (uint g = from_group; g < to_group; g += KEY_SPAN) {
    global const key_element *group[KEY_SPAN];
    global const uchar *behind[KEY_SPAN];
#pragma unroll
    for (uint s = 0; s < KEY_SPAN; ++s) {
      // Groups past the end repeat the first; their scores are masked.
      const uint at = g + s < to_group ? g + s : g;
      group[s] = a->keys + groups[at] * KEY_GROUP(HEAD_SIZE);
      behind[s] = behind_keys(a, groups, from_group, to_group, at);
    }
#pragma unroll 1
    for (uint first_row = 0; first_row < ROWS; first_row += HELD_ROWS) {
      float16 acc[HELD_ROWS][KEY_SPAN];
#pragma unroll
      for (uint m = 0; m < HELD_ROWS; ++m)
#pragma unroll
        for (uint s = 0; s < KEY_SPAN; ++s) acc[m][s] = 0.0f;
      const float *rows = query + first_row * QUERY_GROUPS * LANES;
#pragma unroll 1
      for (uint first = 0; first < QUERY_SIZE; first += KEY_BLOCK) {
        float16 scales[KEY_SPAN];
#pragma unroll
        for (uint s = 0; s < KEY_SPAN; ++s)
#if IS_QUANTIZED(KEY_TYPE)
          scales[s] = KEY_SCALES(group[s], HEAD_SIZE, first / 32);
#else
          scales[s] = 1.0f;
#endif
#pragma unroll 2
        for (uint d = first; d < first + KEY_BLOCK; ++d) {
          float16 key[KEY_SPAN];
#pragma unroll
          for (uint s = 0; s < KEY_SPAN; ++s) {
            key[s] = load_keys(group[s], d, scales[s]);
            if (FETCHES(KEY_TYPE)) FETCH(behind[s] + d * LANES * sizeof(key_element));
          }
#pragma unroll
          for (uint m = 0; m < HELD_ROWS; ++m)
#pragma unroll
            for (uint s = 0; s < KEY_SPAN; ++s) acc[m][s] = fma(key[s], (float16)rows[m * QUERY_GROUPS * LANES + d], acc[m][s]);
        }
      }
#pragma unroll
      for (uint m = 0; m < HELD_ROWS; ++m)
#pragma unroll
        for (uint s = 0; s < KEY_SPAN; ++s) scores[(first_row + m) * SCORE_GROUPS + g + s] = acc[m][s];
    }
  }
}
