// Simt style: rows of floats, four a load or store, where they are aligned to 16 bytes. Whether they are is the same for all
// work-items of a row.

#pragma once

#include "common/lanes.cl"

#define IS_WIDE(p) (((size_t)(p) & 15) == 0)

// Four floats from `p` on; those from the `count`-th on are zero. Where `wide`, `count` is a multiple of 4.
static inline float4 load_4(global const float *p, const int count, const bool wide) {
  float4 v = 0.0f;
  if (wide) {
    if (count > 0) v = *(global const float4 *)p;
  } else {
    if (count > 0) v.x = p[0];
    if (count > 1) v.y = p[1];
    if (count > 2) v.z = p[2];
    if (count > 3) v.w = p[3];
  }
  return v;
}

static inline void store_4(const float4 v, global float *p, const int count, const bool wide) {
  if (wide) {
    if (count > 0) *(global float4 *)p = v;
  } else {
    if (count > 0) p[0] = v.x;
    if (count > 1) p[1] = v.y;
    if (count > 2) p[2] = v.z;
    if (count > 3) p[3] = v.w;
  }
}
