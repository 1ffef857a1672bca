// Rounds elements of blocks of 32 as ggml does and stores them, one a work-item: store_quants of common/cache.cl, to the bit.

#pragma once

#include "common/cache.cl"

// The byte of a group that has element d of a token's head.
static inline uint quant_at(const uint type, const uint size, const uint token, const uint d, const bool is_key) {
  const uint byte = type == CACHE_Q8_0 ? d : d / 32 * 16 + d % 16;
  return is_key ? KEY_AT_OF(byte, token, 1) : token * (type == CACHE_Q8_0 ? size : size / 2) + byte;
}

// Stores element d of a token's head, of which x has all.
INLINE void store_rounded(const uint type, local const float *x, global uchar *group, const uint token, const uint d,
                          const uint size, const bool is_key) {
  const uint i = d % 32;
  x += d - i;
  float largest = 0.0f;  // in magnitude, the first of equals
#pragma unroll
  for (uint j = 0; j < 32; ++j)
    if (fabs(x[j]) > fabs(largest)) largest = x[j];
  const float scale = type == CACHE_Q8_0 ? fabs(largest) / 127.0f : largest / -8.0f;
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  global uchar *byte = group + quant_at(type, size, token, d, is_key);
  if (i == 0) vstore_half_rte(scale, d / 32 * 16 + token, (global half *)(group + QUANT_BYTES(type, size)));
  if (type == CACHE_Q8_0)
    *byte = (uchar)(char)round(x[i] * inverse);
  else if (i < 16)
    *byte = (uchar)(min(15, (int)(x[i] * inverse + 8.5f)) | min(15, (int)(x[i + 16] * inverse + 8.5f)) << 4);
}
