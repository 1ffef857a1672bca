// What a device can do at most: the roofs that kernels are measured against.
//
//   read_floats   sums[i] = Σ of work-item i's share of x        bytes: 4 · count
//   copy_floats   y = x                                          bytes: 8 · count
//   fma_floats    y[i] = Σ_j a_j, a_j = a_j · m + b, `rounds` times    operations: 2 · ACCUMULATORS · WIDTH · rounds an item
//
// Tunables: WIDTH floats of a vector; ACCUMULATORS independent chains, so that none waits for itself; CONTIGUOUS gives each
// work-item one stretch of memory (CPU devices), else neighbors read neighboring vectors (GPUs).
// `vectors`, the count in vectors, is a multiple of 4 · get_global_size(0).

#ifndef WIDTH
#define WIDTH 16
#endif
#ifndef ACCUMULATORS
#define ACCUMULATORS 8
#endif
#ifndef CONTIGUOUS
#define CONTIGUOUS 1
#endif

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#if WIDTH == 1
typedef float vector_f;
#define SUM(v) (v)
#else
typedef JOIN(float, WIDTH) vector_f;
#if WIDTH == 4
#define SUM(v) ((v).s0 + (v).s1 + (v).s2 + (v).s3)
#elif WIDTH == 8
#define SUM(v) ((v).s0 + (v).s1 + (v).s2 + (v).s3 + (v).s4 + (v).s5 + (v).s6 + (v).s7)
#else
#define SUM(v)                                                                                                         \
  ((v).s0 + (v).s1 + (v).s2 + (v).s3 + (v).s4 + (v).s5 + (v).s6 + (v).s7 + (v).s8 + (v).s9 + (v).sa + (v).sb +         \
   (v).sc + (v).sd + (v).se + (v).sf)
#endif
#endif

#if CONTIGUOUS
#define FIRST (get_global_id(0) * (vectors / get_global_size(0)))
#define STEP 1
#else
#define FIRST get_global_id(0)
#define STEP get_global_size(0)
#endif

kernel void read_floats(global const vector_f *restrict x, global float *restrict sums, const ulong vectors) {
  const size_t step = STEP;
  global const vector_f *from = x + FIRST;
  vector_f a = 0, b = 0, c = 0, d = 0;
  for (ulong i = vectors / get_global_size(0) / 4; i > 0; --i, from += 4 * step) {
    a += from[0];
    b += from[step];
    c += from[2 * step];
    d += from[3 * step];
  }
  const vector_f sum = (a + b) + (c + d);
  sums[get_global_id(0)] = SUM(sum);
}

kernel void copy_floats(global const vector_f *restrict x, global vector_f *restrict y, const ulong vectors) {
  const size_t step = STEP;
  size_t at = FIRST;
  for (ulong i = vectors / get_global_size(0); i > 0; --i, at += step) y[at] = x[at];
}

kernel void fma_floats(global float *restrict y, const float m, const float b, const uint rounds) {
  vector_f a[ACCUMULATORS];
#pragma unroll
  for (uint j = 0; j < ACCUMULATORS; ++j) a[j] = (vector_f)(j + get_global_id(0));
  for (uint i = 0; i < rounds; ++i) {
#pragma unroll
    for (uint j = 0; j < ACCUMULATORS; ++j) a[j] = fma(a[j], (vector_f)m, (vector_f)b);
  }
  vector_f sum = 0;
#pragma unroll
  for (uint j = 0; j < ACCUMULATORS; ++j) sum += a[j];
  y[get_global_id(0)] = SUM(sum);
}
