// What follows a product's sums: bias, activation or gate, scale, residual, store.

#pragma once

#include "common/kernel.cl"
#include "common/activations.cl"

// Flags.
#define BIAS 1u
#define RESIDUAL 2u
#define GATE 4u
#define ACTIVATE 8u
#define SCALE 16u

struct epilogue {
  global const float *bias, *residual;
  global float *y;
  // Of a row of y.
  uint rows, y_stride;
  uint flags;
  float scale;
};

// The bias of an expert's matrix of `rows`: one is behind the other, each padded to whole groups.
#define BIAS_OF(bias, expert, rows) ((bias) + (ulong)(expert) * (((rows) + LANES - 1) / LANES * LANES))

// Sums of a group of rows of weights with their bias, which is padded to whole groups.
static inline lanes_f biased(const lanes_f value, const struct epilogue *e, const uint group, const uint lane) {
  return e->flags & BIAS ? value + LOAD_LANES(e->bias + group * LANES + lane) : value;
}

#if SIMT

static inline void store_lanes(float value, const struct epilogue *e, const uint token, const uint group, const uint lane) {
  const uint row = group * LANES + lane;
  if (row >= e->rows) return;
  const ulong at = (ulong)token * e->y_stride + row;
  if (e->flags & SCALE) value *= e->scale;
  if (e->flags & RESIDUAL) value += e->residual[at];
  e->y[at] = value;
}

#else

static inline void store_lanes(float16 value, const struct epilogue *e, const uint token, const uint group, const uint lane) {
  const uint row = group * LANES;
  if (row >= e->rows) return;
  const ulong at = (ulong)token * e->y_stride + row;
  if (e->flags & SCALE) value *= e->scale;
  if (row + LANES <= e->rows) {
    if (e->flags & RESIDUAL) value += vload16(0, e->residual + at);
    vstore16(value, 0, e->y + at);
    return;
  }
  float lanes[LANES];
  vstore16(value, 0, lanes);
  for (uint i = 0; row + i < e->rows; ++i) e->y[at + i] = e->flags & RESIDUAL ? lanes[i] + e->residual[at + i] : lanes[i];
}

#endif

// The sums of one group, or of a pair of gates and ups, which is one group of y. Groups past the end are of no row.
static inline void store_group(const lanes_f value, const struct epilogue *e, const uint token, const uint group, const uint lane) {
  if (group * LANES >= e->rows) return;
  const lanes_f x = biased(value, e, group, lane);
  store_lanes(e->flags & ACTIVATE ? activated(x) : x, e, token, group, lane);
}

static inline void store_gated(const lanes_f gate, const lanes_f up, const struct epilogue *e, const uint token, const uint group,
                               const uint lane) {
  if (group / 2 * LANES >= e->rows) return;
  store_lanes(gated(biased(gate, e, group, lane), biased(up, e, group + 1, lane)), e, token, group / 2, lane);
}
