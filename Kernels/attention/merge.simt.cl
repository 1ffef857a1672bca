// out = the ordered merge of a row's partial results as attention/merge.cl has it, by the work-items of a group
//
// Factors of LOCAL tiles are made at once: what a tile's are depends on the largest score up to it alone, and largest scores come in
// any order. Only the sums are a chain; work-items share the row's columns.
//
// Work-groups (heads, tokens).

#include "attention/form.cl"

#define COLUMNS ((RESULT_SIZE + LOCAL - 1) / LOCAL)
// Tiles whose columns are on their way together.
#define TILES_AHEAD (COLUMNS <= 1 ? 16 : COLUMNS <= 2 ? 8 : COLUMNS <= 5 ? 4 : 1)
#define SYNC barrier(CLK_LOCAL_MEM_FENCE)

// Number `i` of the tiles that a row sees: those of the sinks, then those from `first` on.
static inline global const float *partial_of(global const float *row, const uint i, const uint sinks, const uint first) {
  return row + (ulong)(i < sinks ? i : i - sinks + first) * PARTIAL_SIZE;
}

// A work-item's columns of the `count` tiles from number `begin` on, of as many as are on their way.
static inline void load_tiles(global const float *row, const uint begin, const uint count, const uint sinks, const uint first,
                              const uint item, float x[TILES_AHEAD][COLUMNS]) {
#pragma unroll
  for (uint j = 0; j < TILES_AHEAD; ++j) {
    global const float *columns = partial_of(row, begin + j, sinks, first) + 16 + item;
#pragma unroll
    for (uint c = 0; c < COLUMNS; ++c) x[j][c] = j < count && item + c * LOCAL < VALUE_SIZE ? columns[c * LOCAL] : 0.0f;
  }
}

kernel GROUP_OF_ITEMS void merge_partials(ROOTS_13, const struct attention_arguments arguments) {
  local float highs[LOCAL], old[LOCAL], new[LOCAL], added[LOCAL];
  global uchar *const roots[] = {LIST_13};
  struct attention all;
  set_attention(&all, roots, &arguments);
  const struct attention *a = &all;
  const uint item = get_local_id(0), head = get_group_id(0), token = arguments.first_token + get_group_id(1);
  int4 tile = 0;
#if MASK != CAUSAL
  global const int4 *tiles = (global const int4 *)(r4 + arguments.tiles);
  tile = tiles[0];
  for (uint i = 1; i < arguments.tile_count && (int)token >= tile.x + tile.y; ++i) tile = tiles[i];
#endif
  const struct range r = range_of(a, tile, token);
  // Tiles that the row sees: those of the sinks, then all from `first` on (`sees_some`).
  const uint end = (max(r.last + 1, 0) + KEY_TILE - 1) / KEY_TILE;
  const uint sinks = min((a->sink_keys + KEY_TILE - 1) / KEY_TILE, end);
  const uint first = r.first <= r.last ? max((uint)r.first / KEY_TILE, sinks) : end;
  const uint count = sinks + end - min(first, end);
  global const float *row = a->partials + ((ulong)token * a->heads + head) * a->key_tiles * PARTIAL_SIZE;
  float highest = LOWEST, total = 0.0f, sums[COLUMNS];
#pragma unroll
  for (uint c = 0; c < COLUMNS; ++c) sums[c] = 0.0f;
#pragma unroll 1
  for (uint begin = 0; begin < count; begin += LOCAL) {
    const uint here = min(count - begin, (uint)LOCAL);
    global const float *own = partial_of(row, begin + min(item, here - 1), sinks, first);
    const float high = own[0], sum = own[1];
    float x[TILES_AHEAD][COLUMNS];
    load_tiles(row, begin, here, sinks, first, item, x);
    SYNC;
    highs[item] = high;
    SYNC;
    float before = highest, largest = highest;
#pragma unroll 8
    for (uint i = 0; i < here; ++i) {
      largest = max(largest, highs[i]);
      if (i + 1 == item) before = largest;
    }
    const struct merge merged = merge_of(before, high);
    old[item] = merged.old;
    new[item] = merged.new;
    added[item] = sum * merged.new;
    highest = largest;
    SYNC;
#pragma unroll 1
    for (uint i = 0; i < here; i += TILES_AHEAD) {
#pragma unroll
      for (uint j = 0; j < TILES_AHEAD; ++j) {
        if (i + j >= here) continue;
        total = fma(total, old[i + j], added[i + j]);
#pragma unroll
        for (uint c = 0; c < COLUMNS; ++c) sums[c] = fma(sums[c], old[i + j], x[j][c] * new[i + j]);
      }
      load_tiles(row, begin + i + TILES_AHEAD, max(here, i + TILES_AHEAD) - i - TILES_AHEAD, sinks, first, item, x);
    }
  }
  const float factor = last_factor(a, token, head, highest, total);
#pragma unroll
  for (uint c = 0; c < COLUMNS; ++c) {
    const uint column = item + c * LOCAL;
    if (column < RESULT_SIZE) a->out[((ulong)token * a->heads + head) * RESULT_SIZE + column] = sums[c] * factor;
  }
}
