// x in local memory, for matmul/matmul.simt.cl: normalized, times the factors of weights in place, and the sums of its blocks. ROUNDED, it
// is whole numbers, of 8 bits, which matmul/round_8.cl defines, and a scale for 32 columns.
//
// WHOLE, a work-group has all columns of its tokens there before its first round; otherwise those of a round and the next.

#pragma once

#include "common/wide.cl"
#include "matmul/round_8.cl"
#include "norm/row.cl"

// Floats from block to block of x, (BLOCK, TILE_M) and so many that blocks begin in other banks.
#define X_STRIDE (BLOCK * TILE_M + 4)
#define X_BLOCKS (WHOLE ? ROUNDS_DONE * ROUND : 2 * ROUND)
// Blocks that are summed at once.
#define SUMMED_BLOCKS (WHOLE ? BLOCKS : ROUND)
// A round's columns of a token, and of all tokens for a work-item, in loads of four.
#define X_VECTORS (ROUND * BLOCK / 4)
#define X_LOADS ((X_VECTORS * TILE_M + LOCAL - 1) / LOCAL)

// A tile's rows of x.
struct source {
  global const float *x, *norm;
  global const uint *order;  // 0: rows follow each other
  ulong row;
  uint count;
  bool is_wide;
  local const float *factors;  // of the rows' norms
#if !WHOLE
  // Where a work-item loads: of a round the places in x.
  ulong places[X_LOADS];
#endif
};

// 2^(TOP_PLACE − PLACE) of column i, which a weight in place is multiplied by; of column `c` and three more.
#define FACTOR(i) (float)(1 << (TOP_PLACE - PLACE(i)))
static inline float4 factors_of(const uint c) {
  return c % CHUNK ? (float4)(FACTOR(4), FACTOR(5), FACTOR(6), FACTOR(7)) : (float4)(FACTOR(0), FACTOR(1), FACTOR(2), FACTOR(3));
}

// Where token m of the tile begins in x; one past the end repeats the first: its result is not stored.
static inline ulong row_of_source(const struct source *s, const uint m) {
  const ulong row = s->row + (m < s->count ? m : 0);
#if GROUPED
  return s->order ? s->order[row] : row;
#else
  return row;
#endif
}

static inline float4 load_x(const struct source *s, const ulong place) { return load_4(s->x + place, 4, s->is_wide); }

// Four columns of a token from column `c` of `xs` on.
INLINE void put_x(const float4 v, const uint c, const uint m, local float *xs) {
  local float *to = xs + c / BLOCK * X_STRIDE + c % BLOCK * TILE_M + m;
#if TILE_M == 1
  *(local float4 *)to = v;
#else
  to[0] = v.x;
  to[TILE_M] = v.y;
  to[2 * TILE_M] = v.z;
  to[3 * TILE_M] = v.w;
#endif
}

#if NORM
static inline float4 norm_of(const struct source *s, const uint c) { return load_4(s->norm + c, 4, s->is_wide); }

// The factors of the rows' norms, of all work-items together, in the order of norm/row.cl; `parts` has PARTS for each.
INLINE void set_factors(struct source *s, const float epsilon, const uint item, local float *parts, local float *factors) {
  for (uint at = item; at < PARTS * TILE_M; at += LOCAL) {
    global const float *x = s->x + row_of_source(s, at / PARTS) * COLUMNS;
    float sum = 0.0f;
#pragma unroll 8
    for (uint c = at % PARTS; c < COLUMNS; c += PARTS) sum = fma(x[c], x[c], sum);
    parts[at] = sum;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  // Three halvings by a work-item, of sums that no other one reads; then the rest by one a token.
  for (uint at = item; at < PARTS / 8 * TILE_M; at += LOCAL) {
    local float *p = parts + at / (PARTS / 8) * PARTS + at % (PARTS / 8);
    p[0] = ((p[0] + p[128]) + (p[64] + p[192])) + ((p[32] + p[160]) + (p[96] + p[224]));
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  if (item < TILE_M) {
    float v[16];
#pragma unroll
    for (uint i = 0; i < 16; ++i) v[i] = parts[item * PARTS + i] + parts[item * PARTS + 16 + i];
#pragma unroll
    for (uint width = 8; width > 0; width /= 2)
#pragma unroll
      for (uint i = 0; i < width; ++i) v[i] += v[i + width];
    factors[item] = inverse_root(v[0], COLUMNS, epsilon);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  s->factors = factors;
}
#endif

// Four columns after the norm.
static inline float4 normed(const struct source *s, const float4 v, const float4 norm, const uint m) {
#if NORM
  return v * s->factors[m] * norm;
#else
  return v;
#endif
}

#if ROUNDED
static inline uint magnitude(const float4 v) {
  const uint4 bits = MAGNITUDES(v, 4);
  return max(max(bits.x, bits.y), max(bits.z, bits.w));
}

// Four columns from `c` on, and the scale of their 32, whose magnitudes begin at `of_block`.
INLINE float4 rounded(const float4 v, const uint c, const uint m, local const uint *of_block, local float *scales) {
  uint most = 0;
#pragma unroll
  for (uint i = 0; i < 8; ++i) most = max(most, of_block[i]);
  const float largest = as_float(most);
  if (c % 32 == 0)
#pragma unroll
    for (uint i = 0; i < 32 / BLOCK; ++i) scales[(c / BLOCK + i) * TILE_M + m] = scale_of_largest(largest);
  return convert_float4(ROUNDED_BYTES(v * inverse_of_largest(largest), 4));
}
#endif

#if WHOLE
// `magnitudes` has COLUMNS / 4 for each token.
INLINE void stage_x(const struct source *s, const uint item, local float *xs, local uint *magnitudes, local float *scales) {
#pragma unroll
  for (uint pass = ROUNDED ? 0 : 1; pass < 2; ++pass) {
#pragma unroll
    for (uint m = 0; m < TILE_M; ++m) {
      const ulong row = row_of_source(s, m) * COLUMNS;
#pragma unroll 4
      for (uint c = item * 4; c < COLUMNS; c += LOCAL * 4) {
#if NORM
        const float4 norm = norm_of(s, c);
#else
        const float4 norm = 1.0f;
#endif
        float4 v = normed(s, load_x(s, row + c), norm, m);
#if ROUNDED
        local uint *own = magnitudes + m * (COLUMNS / 4) + c / 4;
        if (pass == 0) {
          *own = magnitude(v);
          continue;
        }
        v = rounded(v, c, m, own - c / 4 % 8, scales);
#endif
        put_x(v * factors_of(c), c, m, xs);
      }
    }
    if (pass == 0) barrier(CLK_LOCAL_MEM_FENCE);
  }
}
#else

#define IS_LOADED(at) (X_VECTORS * TILE_M % LOCAL == 0 || (at) < X_VECTORS * TILE_M)

static inline void set_places(struct source *s, const uint item) {
#pragma unroll
  for (uint i = 0; i < X_LOADS; ++i) {
    const uint at = i * LOCAL + item;
    s->places[i] = row_of_source(s, min(at / X_VECTORS, (uint)TILE_M - 1)) * COLUMNS;
  }
}

// The columns of a load of the round that begins with block `first`; past the end the last ones, which nothing is summed of.
static inline uint column_of(const uint first, const uint at) {
  const uint c = first * BLOCK + at % X_VECTORS * 4;
  return IS_WHOLE ? c : min(c, (uint)COLUMNS - 4);
}

static inline void load_round(const struct source *s, const uint first, const uint item, float4 *x, float4 *norm) {
#pragma unroll
  for (uint i = 0; i < X_LOADS; ++i) {
    const uint at = i * LOCAL + item, c = column_of(first, at);
    if (!IS_LOADED(at)) continue;
    x[i] = load_x(s, s->places[i] + c);
#if NORM
    norm[i] = norm_of(s, c);
#endif
  }
}

// What a work-item has loaded of a round, normed; ROUNDED, all that have must then meet, before it is stored.
INLINE void norm_round(const struct source *s, float4 *x, const float4 *norm, const uint item, local uint *magnitudes) {
#pragma unroll
  for (uint i = 0; i < X_LOADS; ++i) {
    const uint at = i * LOCAL + item;
    if (!IS_LOADED(at)) continue;
    x[i] = normed(s, x[i], norm[i], at / X_VECTORS);
#if ROUNDED
    magnitudes[at] = magnitude(x[i]);
#endif
  }
}

INLINE void store_round(const float4 *x, const uint item, local float *xs, local const uint *magnitudes, local float *scales) {
#pragma unroll
  for (uint i = 0; i < X_LOADS; ++i) {
    const uint at = i * LOCAL + item, m = at / X_VECTORS, c = at % X_VECTORS * 4;
    if (!IS_LOADED(at)) continue;
#if ROUNDED
    put_x(rounded(x[i], c, m, magnitudes + at - at % 8, scales) * factors_of(c), c, m, xs);
#else
    put_x(x[i] * factors_of(c), c, m, xs);
#endif
  }
}
#endif

// The sums of the blocks of x in `xs`, in the order of activations.cl: a work-item has a block of a token.
INLINE void sum_x(local const float *xs, const uint item, local float *sums, local const float *scales) {
#if SCALES > 0
#pragma unroll 1
  for (uint i = 0; i < SUMMED_BLOCKS * TILE_M; i += LOCAL) {
    // From the last warp on, since the first have chains. Not at % ROUND: oclgrind miscounts the few bits that LLVM makes of it.
    const uint at = i + LOCAL - 1 - item, m = min(at / SUMMED_BLOCKS, (uint)TILE_M), block = at - m * SUMMED_BLOCKS;
    if (at >= SUMMED_BLOCKS * TILE_M) continue;
    local const float *x = xs + block * X_STRIDE + m;
    float of_16[BLOCK / 16];
#pragma unroll
    for (uint part = 0; part < BLOCK / 16; ++part) {
      float v[8];
#pragma unroll
      for (uint j = 0; j < 8; ++j)
        v[j] = (x[(part * 16 + j) * TILE_M] + x[(part * 16 + 8 + j) * TILE_M]) * (1.0f / FACTOR(j));
#pragma unroll
      for (uint width = 4; width > 0; width /= 2)
#pragma unroll
        for (uint j = 0; j < width; ++j) v[j] += v[j + width];
      of_16[part] = v[0];
    }
#if BLOCK == 32
    of_16[0] += of_16[1];
#endif
#if ROUNDED
    sums[block * TILE_M + m] = scales[block * TILE_M + m] * of_16[0];
#else
    sums[block * TILE_M + m] = of_16[0];
#endif
  }
#endif
}
