// The sum of 16 lanes, in the one order of all kernels: halves added until one lane is left.

#pragma once

#include "common/lanes.cl"

static inline float sum_of_lanes(float16 v) {
  const float8 a = v.lo + v.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.lo + c.hi;
}
