// Elementary functions from exactly rounded operations alone, so that every style and every driver gives the same bits.
// The polynomials are Cephes' (Moshier), single precision.

#pragma once

#include "common/lanes.cl"

// e^x, relative error under 2e-7; zero below -87, which in float32 no softmax can tell from the true value.
static inline lanes_f exponential(lanes_f x) {
  const lanes_f limited = min(max(x, (lanes_f)-87.0f), (lanes_f)88.0f);
  // n = x/ln 2, rounded to an integer by adding and taking away 1.5 · 2^23.
  const lanes_f shifted = fma(limited, (lanes_f)1.44269504088896341f, (lanes_f)12582912.0f);
  const lanes_f n = shifted - 12582912.0f;
  lanes_f r = fma(n, (lanes_f)-0.693359375f, limited);
  r = fma(n, (lanes_f)2.12194440e-4f, r);
  lanes_f p = (lanes_f)1.9875691500e-4f;
  p = fma(p, r, (lanes_f)1.3981999507e-3f);
  p = fma(p, r, (lanes_f)8.3334519073e-3f);
  p = fma(p, r, (lanes_f)4.1665795894e-2f);
  p = fma(p, r, (lanes_f)1.6666665459e-1f);
  p = fma(p, r, (lanes_f)5.0000001201e-1f);
  p = fma(p, r * r, r) + 1.0f;
  // The low bits of `shifted` are n; moved under the exponent's bias they make 2^n.
  const lanes_f power = AS_FLOAT((AS_UINT(shifted) << 23) + 0x3f800000u);
  const lanes_f result = p * power;
  return x < (lanes_f)-87.0f ? (lanes_f)0.0f : result;
}

// The natural logarithm of a positive, normal x, relative error under 2e-7.
static inline lanes_f logarithm(lanes_f x) {
  // x = 2^n · m, m in [√½, √2): the bits of √½ taken from x's leave n above the mantissa.
  const lanes_u offset = AS_UINT(x) - 0x3f3504f3u;
  const lanes_f n = TO_FLOAT(AS_INT(offset) >> 23);
  const lanes_f m = AS_FLOAT((offset & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  lanes_f p = (lanes_f)7.0376836292e-2f;
  p = fma(p, m, (lanes_f)-1.1514610310e-1f);
  p = fma(p, m, (lanes_f)1.1676998740e-1f);
  p = fma(p, m, (lanes_f)-1.2420140846e-1f);
  p = fma(p, m, (lanes_f)1.4249322787e-1f);
  p = fma(p, m, (lanes_f)-1.6668057665e-1f);
  p = fma(p, m, (lanes_f)2.0000714765e-1f);
  p = fma(p, m, (lanes_f)-2.4999993993e-1f);
  p = fma(p, m, (lanes_f)3.3333331174e-1f);
  const lanes_f square = m * m;
  p = fma(p * m, square, n * -2.12194440e-4f);
  p = fma(square, (lanes_f)-0.5f, p) + m;
  return fma(n, (lanes_f)0.693359375f, p);
}

// x · sigmoid(x)
static inline lanes_f silu(lanes_f x) { return x / (1.0f + exponential(-x)); }

// GELU in its tanh form (Hendrycks & Gimpel 2016): x/2 · (1 + tanh u) = x · sigmoid(2u), u = √(2/π) · (x + 0.044715 x³)
static inline lanes_f gelu_tanh(lanes_f x) {
  const lanes_f cubic = fma(x * x * x, (lanes_f)0.044715f, x);
  return x / (1.0f + exponential(cubic * -1.5957691216057308f));
}

static inline lanes_f hyperbolic_tangent(lanes_f x) {
  const lanes_f magnitude = fabs(x);
  const lanes_f large = 1.0f - 2.0f / (exponential(magnitude + magnitude) + 1.0f);
  const lanes_f square = x * x;
  lanes_f p = (lanes_f)-5.70498872745e-3f;
  p = fma(p, square, (lanes_f)2.06390887954e-2f);
  p = fma(p, square, (lanes_f)-5.37397155531e-2f);
  p = fma(p, square, (lanes_f)1.33314422036e-1f);
  p = fma(p, square, (lanes_f)-3.33332819422e-1f);
  return magnitude < (lanes_f)0.625f ? fma(p * square, x, x) : copysign(large, x);
}

// 1 − erf(x) for x ≥ 0, absolute error under 2e-7: e^(−x²) times a polynomial in t = 1/(1 + x/2) in the exponent (Press et al.,
// Numerical Recipes in C, 2nd edition, 6.2).
static inline lanes_f error_complement(lanes_f x) {
  const lanes_f t = 1.0f / fma(x, (lanes_f)0.5f, (lanes_f)1.0f);
  lanes_f p = (lanes_f)0.17087277f;
  p = fma(p, t, (lanes_f)-0.82215223f);
  p = fma(p, t, (lanes_f)1.48851587f);
  p = fma(p, t, (lanes_f)-1.13520398f);
  p = fma(p, t, (lanes_f)0.27886807f);
  p = fma(p, t, (lanes_f)-0.18628806f);
  p = fma(p, t, (lanes_f)0.09678418f);
  p = fma(p, t, (lanes_f)0.37409196f);
  p = fma(p, t, (lanes_f)1.00002368f);
  p = fma(p, t, (lanes_f)-1.26551223f);
  return t * exponential(fma(-x, x, p));
}

// GELU as it is defined: x · Φ(x) = x/2 · (1 + erf(x/√2))
static inline lanes_f gelu_erf(lanes_f x) {
  const lanes_f tail = error_complement(fabs(x) * 0.70710678118654752f);
  return x * 0.5f * (x < (lanes_f)0.0f ? tail : 2.0f - tail);
}
