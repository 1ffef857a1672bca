// A tile's weights · V in the simt style: values come to local memory, PART keys at a time, by loads of 16 bytes, AHEAD parts before
// they are used; a work-item sums units of UNIT_ROWS rows × UNIT_COLUMNS columns. AHEAD, PACKED and ROWS are the kernel's.
//
// A run of values is taken apart into quads of floats; quad j of all runs of a value lie before quad j + 1 of all, so that what
// neighboring work-items write lies side by side. `column_of` tells where in the value such a place is.

#pragma once

#define VALUE_FORM (SHARED_VALUES ? KEY_TYPE : VALUE_TYPE)
#define VALUE_ELEMENTS RUN(VALUE_FORM)
#define VALUE_RUNS (VALUE_SIZE / VALUE_ELEMENTS)
// Keys of a part; runs of a part, and how many of them a work-item loads.
#define PART (VALUE_SIZE <= 128 ? 16 : VALUE_SIZE <= 256 ? 8 : 4)
#define PART_RUNS (PART * VALUE_RUNS)
#define ITEM_RUNS ((PART_RUNS + LOCAL - 1) / LOCAL)
#define PARTS (KEY_TILE / PART)

// A unit: the more of a side, the fewer loads from local memory, as long as all work-items have one.
#define UNIT_COLUMNS (ROWS >= 4 ? 4 : ROWS)
#define COLUMN_UNITS (VALUE_SIZE / UNIT_COLUMNS)
#define ENOUGH_UNITS(rows) (ROWS / (rows) * COLUMN_UNITS <= LOCAL)
#define UNIT_ROWS (ROWS < 2 || ENOUGH_UNITS(1) ? 1 : ENOUGH_UNITS(2) || ROWS < 4 ? 2 : ENOUGH_UNITS(4) || ROWS < 8 ? 4 : 8)
#define ROW_UNITS (ROWS / UNIT_ROWS)
#define ITEM_UNITS ((ROW_UNITS * COLUMN_UNITS + LOCAL - 1) / LOCAL)
typedef float unit_sums[ITEM_UNITS][UNIT_ROWS][UNIT_COLUMNS];

// Halves stay halves in local memory where PACKED: it gives more of them at a time than of floats.
#define IS_PACKED (PACKED && UNIT_COLUMNS == 4)
// A part in local memory, in 16 bytes.
#define PART_QUADS (IS_PACKED ? PART_RUNS : PART * VALUE_SIZE / 4)

// Quants on their way take the registers of those in use.
#if IS_QUANTIZED(VALUE_FORM)
#define KEYS_UNROLLED UNROLLED(8, 2)
#else
#define KEYS_UNROLLED UNROLLED(16, 2)
#endif

#define SYNC barrier(CLK_LOCAL_MEM_FENCE)

static inline uint column_of(const uint place) {
  return IS_PACKED ? place : place / 4 % VALUE_RUNS * VALUE_ELEMENTS + place / 4 / VALUE_RUNS * 4 + place % 4;
}

// Where the values of a tile come from: the number of each group of 16 keys, and which keys there are.
struct value_source {
  const struct attention *a;
  local const ulong *groups;
  int start, from, to;
};

struct value_run {
  uint4 bits;
  float scale;
};

// Which key of its part run number `i` is of, and which of the value's runs it is.
struct run_place {
  uint key, at;
};

static inline struct run_place place_of(const uint i) {
  struct run_place p;
  p.key = SHARED_VALUES ? i % PART : i / VALUE_RUNS;
  p.at = SHARED_VALUES ? i / PART : i % VALUE_RUNS;
  return p;
}

// Run number `i` of part `part`: zeros where some row sees no such key, for there may be anything.
INLINE struct value_run load_run(const struct value_source *s, const uint part, const uint i) {
  struct value_run run;
  run.bits = 0;
  run.scale = 0.0f;
  const struct run_place place = place_of(i);
  const uint key = part * PART + place.key, at = place.at;
  const int position = s->start + (int)key;
  if ((PART_RUNS % LOCAL != 0 && i >= PART_RUNS) || position < s->from || position >= s->to) return run;
#if SHARED_VALUES
  global const key_element *group = s->a->keys + s->groups[key / 16] * KEY_GROUP(HEAD_SIZE);
  run.bits = ((global const uint4 *)group)[at * 16 + key % 16];
  run.scale = scale_of(KEY_TYPE, group, HEAD_SIZE, at * KEY_ELEMENTS / 32, key % 16);
#else
  global const value_element *group = s->a->values + s->groups[key / 16] * VALUE_GROUP(VALUE_SIZE);
  run.bits = ((global const uint4 *)group)[key % 16 * VALUE_RUNS + at];
  run.scale = scale_of(VALUE_TYPE, group, VALUE_SIZE, at * VALUE_ELEMENTS / 32, key % 16);
#endif
  return run;
}

INLINE void load_part(const struct value_source *s, const uint part, const uint item, struct value_run *runs) {
#pragma unroll
  for (uint r = 0; r < ITEM_RUNS; ++r) runs[r] = load_run(s, part, item + r * LOCAL);
}

// Writes a part's runs to local memory, (PART, VALUE_SIZE) floats.
INLINE void store_part(const struct value_run *runs, const uint item, local float4 *part) {
#pragma unroll
  for (uint r = 0; r < ITEM_RUNS; ++r) {
    const uint i = item + r * LOCAL;
    const struct run_place place = place_of(i);
    const uint key = place.key, at = place.at;
    if (PART_RUNS % LOCAL != 0 && i >= PART_RUNS) continue;
    if (IS_PACKED) {
      part[key * VALUE_RUNS + at] = as_float4(runs[r].bits);
      continue;
    }
#pragma unroll
    for (uint j = 0; j < VALUE_ELEMENTS / 4; ++j)
      part[key * (VALUE_SIZE / 4) + j * VALUE_RUNS + at] = quad_of(VALUE_FORM, runs[r].bits, j, runs[r].scale);
  }
}

// `count` floats, 1, 2 or, of more, the first 4.
INLINE void load_floats(local const float *from, const uint count, float *to) {
  if (count == 1) {
    to[0] = from[0];
  } else if (count == 2) {
    const float2 x = *(local const float2 *)from;
    to[0] = x.x, to[1] = x.y;
  } else {
    const float4 x = *(local const float4 *)from;
    to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
  }
}

// Adds the part's weights (PART, ROWS) times its values to the sums of the work-item's units.
INLINE void weigh_part(local const float *weights, local const float *part, const uint item,
                       unit_sums acc) {
#pragma unroll KEYS_UNROLLED
  for (uint k = 0; k < PART; ++k) {
    float w[UNIT_ROWS];
    local const float *at = weights + k * ROWS + item % ROW_UNITS * UNIT_ROWS;
#pragma unroll
    for (uint m = 0; m < UNIT_ROWS; m += 4) load_floats(at + m, UNIT_ROWS, w + m);
#pragma unroll
    for (uint u = 0; u < ITEM_UNITS; ++u) {
      const uint column = min(item / ROW_UNITS + u * (LOCAL / ROW_UNITS), (uint)COLUMN_UNITS - 1);
      float v[UNIT_COLUMNS];
#if IS_PACKED
      const uint2 pair = ((local const uint2 *)part)[k * (VALUE_SIZE / 4) + column];
      v[0] = half_of(pair.x), v[1] = half_of(pair.x >> 16), v[2] = half_of(pair.y), v[3] = half_of(pair.y >> 16);
#else
      load_floats(part + k * VALUE_SIZE + column * UNIT_COLUMNS, UNIT_COLUMNS, v);
#endif
#pragma unroll
      for (uint m = 0; m < UNIT_ROWS; ++m)
#pragma unroll
        for (uint c = 0; c < UNIT_COLUMNS; ++c) acc[u][m][c] = fma(v[c], w[m], acc[u][m][c]);
    }
  }
}

// Parts first … end − 1, both multiples of AHEAD counted from the first of all: weights of a part lie `PART · ROWS` behind those of
// the part before. `runs` holds the first AHEAD parts, and in the end those behind the last. Two parts are in local memory.
INLINE void weigh_parts(const struct value_source *s, const uint first, const uint end, const uint item,
                        local const float *weights, local float4 *parts, struct value_run runs[AHEAD][ITEM_RUNS], unit_sums acc) {
#pragma unroll 1
  for (uint n = first; n < end; n += AHEAD) {
#pragma unroll
    for (uint i = 0; i < AHEAD; ++i) {
      local float4 *part = parts + (n + i) % 2 * PART_QUADS;
      store_part(runs[i], item, part);
      load_part(s, n + i + AHEAD, item, runs[i]);
      SYNC;
      weigh_part(weights + (n + i - first) * (PART * ROWS), (local const float *)part, item, acc);
    }
  }
}
