// Simt style: a row's norm by a work-group. Work-items load the row in chunks of four times four floats each and leave them in local
// memory, where the partial sums of norm/row.cl are taken, of columns that are 256 apart.

#pragma once

#include "common/wide.cl"
#include "norm/row.cl"

// Each head of an outer row has weights of its own.
#define HEAD_WEIGHTS 4u

// Where a row's weights begin.
static inline uint first_weight(const struct norm_arguments *a, const uint row) {
  return a->flags & HEAD_WEIGHTS ? row % a->heads * a->columns : 0;
}

#if SIMT

#define CHUNK_LOADS 4
#define CHUNK_COLUMNS (CHUNK_LOADS * 4 * LOCAL)

struct row_chunk {
  float4 v[CHUNK_LOADS];
};

// The column of a work-item's load.
static inline uint chunk_column(const uint begin, const int load) { return begin + (load * LOCAL + get_local_id(0)) * 4; }

static inline struct row_chunk load_chunk(global const float *x, const uint begin, const uint columns, const bool wide) {
  struct row_chunk chunk;
#pragma unroll
  for (int i = 0; i < CHUNK_LOADS; ++i) {
    const uint c = chunk_column(begin, i);
    chunk.v[i] = load_4(x + c, (int)(columns - c), wide);
  }
  return chunk;
}

#define OF_VALUES 0
#define OF_SQUARES 1

// The sum of x, or of the squares of x − mean; `first` is the row's first chunk. Every work-item of the work-group calls it.
//
// Inlined always: of a function of its own that has them, PoCL 3.1 leaves local arrays to be shared by all work-groups.
INLINE float staged_sum(global const float *x, const struct row_chunk *first, const uint columns,
                        const bool wide, const int kind, const float mean,
                        local float4 *staged, local float *parts) {
  const uint item = get_local_id(0);
  local const float *row = (local const float *)staged;
  for (uint part = item; part < PARTS; part += LOCAL) parts[part] = 0.0f;
  struct row_chunk chunk = *first;
  for (uint begin = 0; begin < columns; begin += CHUNK_COLUMNS) {
    if (begin > 0) chunk = load_chunk(x, begin, columns, wide);
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (int i = 0; i < CHUNK_LOADS; ++i) staged[i * LOCAL + item] = chunk.v[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint end = min(columns - begin, (uint)CHUNK_COLUMNS);
    for (uint part = item; part < PARTS; part += LOCAL) {
      float sum = parts[part];
      for (uint c = part; c < end; c += PARTS) sum = kind == OF_VALUES ? sum + row[c] : fma(row[c] - mean, row[c] - mean, sum);
      parts[part] = sum;
    }
  }
  for (uint width = PARTS / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint part = item; part < width; part += LOCAL) parts[part] += parts[part + width];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const float sum = parts[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return sum;
}

// y = (x − mean) · factor · weight (+ bias) (+ residual) of the row. Rows lie as norm/rmsnorm.cl says.
INLINE void staged_norm(ROOTS, const struct norm_arguments *a, const uint row, const bool is_centered,
                        local float4 *staged, local float *parts) {
  const uint columns = a->columns;
  const ulong out = (ulong)(row / a->heads) * a->y_stride + row % a->heads * columns;
  global const float *x = VIEW(const float, 0, x) + (ulong)(row / a->heads) * a->x_stride + row % a->heads * columns;
  global const float *weight = VIEW(const float, 1, weight) + first_weight(a, row), *bias = VIEW(const float, 2, bias);
  global const float *residual = VIEW(const float, 3, residual) + out;
  global float *y = VIEW(float, 4, y) + out;
  const bool adds_bias = a->flags & ADDS_BIAS, adds_residual = a->flags & ADDS_RESIDUAL;
  const bool wide = columns % 4 == 0 && IS_WIDE(x) && IS_WIDE(weight) && IS_WIDE(y) && (!adds_bias || IS_WIDE(bias)) &&
                    (!adds_residual || IS_WIDE(residual));
  struct row_chunk chunk = load_chunk(x, 0, columns, wide), weights = load_chunk(weight, 0, columns, wide);
  float mean = 0.0f;
  if (is_centered) mean = staged_sum(x, &chunk, columns, wide, OF_VALUES, 0.0f, staged, parts) / columns;
  const float squares = staged_sum(x, &chunk, columns, wide, OF_SQUARES, mean, staged, parts);
  const float factor = inverse_root(squares, columns, a->epsilon);
  for (uint begin = 0; begin < columns; begin += CHUNK_COLUMNS) {
    if (columns > CHUNK_COLUMNS) {
      chunk = load_chunk(x, begin, columns, wide);
      weights = load_chunk(weight, begin, columns, wide);
    }
#pragma unroll
    for (int i = 0; i < CHUNK_LOADS; ++i) {
      const uint c = chunk_column(begin, i);
      const int count = (int)(columns - c);
      float4 v = is_centered ? chunk.v[i] - mean : chunk.v[i];
      v = v * factor * weights.v[i];
      if (adds_bias) v += load_4(bias + c, count, wide);
      if (adds_residual) v += load_4(residual + c, count, wide);
      store_4(v, y + c, count, wide);
    }
  }
}

#endif
