// Runs of the cache in the simt style: what one load of 16 bytes brings, of a key or of a value, and the floats in it.

#pragma once

// How often a loop over local memory is unrolled: AMD's compiler moves all its loads to the front, whatever registers they take.
#ifdef __AMDGCN__
#define UNROLLED(most, amd) amd
#else
#define UNROLLED(most, amd) most
#endif

// Elements of a run.
#define RUN(type) ((type) == CACHE_F32 ? 4 : (type) == CACHE_F16 ? 8 : (type) == CACHE_Q8_0 ? 16 : 32)
#define KEY_ELEMENTS RUN(KEY_TYPE)

// Integers below 2^23 as floats, by their place in the mantissa of 2^23: an addition, where a conversion takes four times as long.
static inline float small_float(const uint bits, const float less) { return as_float(bits | 0x4b000000u) - less; }

static inline float half_of(const uint bits) {
  const ushort narrow = (ushort)bits;
  return vload_half(0, (const half *)&narrow);
}

// The four quants of a word, of Q4_0 those of its low nibbles.
static inline float4 quants_of(const uint type, uint word) {
  const float less = type == CACHE_Q8_0 ? 8388736.0f : 8388616.0f;
  word = type == CACHE_Q8_0 ? word ^ 0x80808080u : word & 0x0f0f0f0fu;
  return (float4)(small_float(word & 255, less), small_float(word >> 8 & 255, less), small_float(word >> 16 & 255, less),
                  small_float(word >> 24, less));
}

// Elements 4j … 4j + 3 of a run; j is a constant. `scale` is their block's.
static inline float4 quad_of(const uint type, const uint4 run, const uint j, const float scale) {
  if (type == CACHE_F32) return as_float4(run);
  if (type == CACHE_F16) {
    const uint2 pair = j == 0 ? run.lo : run.hi;
    return (float4)(half_of(pair.x), half_of(pair.x >> 16), half_of(pair.y), half_of(pair.y >> 16));
  }
  const uint word = j % 4 == 0 ? run.x : j % 4 == 1 ? run.y : j % 4 == 2 ? run.z : run.w;
  return quants_of(type, type == CACHE_Q8_0 || j < 4 ? word : word >> 4) * scale;
}

// The scale of token `lane` in a group's block of 32 elements, where there are scales.
static inline float scale_of(const uint type, global const void *group, const uint size, const uint block, const uint lane) {
  if (!IS_QUANTIZED(type)) return 1.0f;
  return vload_half(block * 16 + lane, (global const half *)((global const uchar *)group + QUANT_BYTES(type, size)));
}
