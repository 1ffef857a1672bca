// The activation function of this program, chosen by ACTIVATION (TesseraOperators/Activation.swift).

#pragma once

#include "common/math.cl"

#ifndef ACTIVATION
#define ACTIVATION 0
#endif

// max(x, 0), in which drivers may choose between zeros.
static inline lanes_f rectified(const lanes_f x) { return x < 0.0f ? (lanes_f)0.0f : x; }

static inline lanes_f activated(lanes_f x) {
#if ACTIVATION == 0
  return silu(x);
#elif ACTIVATION == 1
  return gelu_tanh(x);
#elif ACTIVATION == 2
  return gelu_erf(x);
#elif ACTIVATION == 3
  return rectified(x);
#elif ACTIVATION == 4
  const lanes_f positive = rectified(x);
  return positive * positive;
#elif ACTIVATION == 5
  return x / (1.0f + exponential(x * -1.702f));
#elif ACTIVATION == 6
  return 1.0f / (1.0f + exponential(-x));
#elif ACTIVATION == 7
  return hyperbolic_tangent(x);
#else
  x = min(x, (lanes_f)7.0f);
  return x / (1.0f + exponential(x * -1.702f));
#endif
}

// A gate's share of what is behind it: of the last function of ups within ±7, plus 1 (gpt-oss).
static inline lanes_f gated(const lanes_f gate, const lanes_f up) {
#if ACTIVATION == 8
  return activated(gate) * (clamp(up, (lanes_f)-7.0f, (lanes_f)7.0f) + 1.0f);
#else
  return activated(gate) * up;
#endif
}
