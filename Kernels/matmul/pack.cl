// What matmul/activations.cl does with one block of one tile, in the vector style.

#include "common/sums.cl"
#include "matmul/rows.cl"

#define FACTOR(i) (float)(1 << (TOP_PLACE - PLACE(i)))

#if !SIMT

// Columns 0 to 15 of four tokens, turned: the four tokens of a column side by side, `stride` floats from column to column.
static inline void store_turned(const float16 a, const float16 b, const float16 c, const float16 d, const uint stride,
                         global float *out) {
#define PAIRS(x, y, half)                                                                                                \
  (float16)(x.half.s0, y.half.s0, x.half.s1, y.half.s1, x.half.s2, y.half.s2, x.half.s3, y.half.s3, x.half.s4, y.half.s4, \
            x.half.s5, y.half.s5, x.half.s6, y.half.s6, x.half.s7, y.half.s7)
#define STORE_COLUMNS(half, first)                                                       \
  {                                                                                      \
    const float16 ab = PAIRS(a, b, half), cd = PAIRS(c, d, half);                        \
    vstore4((float4)(ab.s01, cd.s01), 0, out + (first + 0) * stride);                    \
    vstore4((float4)(ab.s23, cd.s23), 0, out + (first + 1) * stride);                    \
    vstore4((float4)(ab.s45, cd.s45), 0, out + (first + 2) * stride);                    \
    vstore4((float4)(ab.s67, cd.s67), 0, out + (first + 3) * stride);                    \
    vstore4((float4)(ab.s89, cd.s89), 0, out + (first + 4) * stride);                    \
    vstore4((float4)(ab.sab, cd.sab), 0, out + (first + 5) * stride);                    \
    vstore4((float4)(ab.scd, cd.scd), 0, out + (first + 6) * stride);                    \
    vstore4((float4)(ab.sef, cd.sef), 0, out + (first + 7) * stride);                    \
  }
  STORE_COLUMNS(lo, 0)
  STORE_COLUMNS(hi, 8)
}

static inline void pack_block(global const float *x, global float *packed, global float *sums, const struct tile_rows *rows_of_tile,
                              const uint columns, const uint block, const uint tile) {
  const float8 of_chunk =
      (float8)(FACTOR(0), FACTOR(1), FACTOR(2), FACTOR(3), FACTOR(4), FACTOR(5), FACTOR(6), FACTOR(7));
  const float16 factor = (float16)(of_chunk, of_chunk);
  packed += ((ulong)tile * columns + (ulong)block * BLOCK) * TILE_M;
  sums += ((ulong)tile * (columns / BLOCK) + block) * TILE_M;
#if TILE_M == 1
  x += row_of(rows_of_tile, 0) * columns + block * BLOCK;
  float total = 0.0f;
  for (uint start = 0; start < BLOCK; start += LANES) {
    const float16 row = vload16(0, x + start);
    total = start == 0 ? sum_of_lanes(row) : total + sum_of_lanes(row);
    vstore16(row * factor, 0, packed + start);
  }
  *sums = total;
#else
  for (uint m = 0; m < TILE_M; m += 4) {
    float total[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (uint start = 0; start < BLOCK; start += LANES) {
      float16 rows[4];
      for (uint i = 0; i < 4; ++i) {
        rows[i] = m + i < rows_of_tile->count ? vload16(0, x + row_of(rows_of_tile, m + i) * columns + block * BLOCK + start)
                                              : (float16)0.0f;
        total[i] = start == 0 ? sum_of_lanes(rows[i]) : total[i] + sum_of_lanes(rows[i]);
        rows[i] *= factor;
      }
      store_turned(rows[0], rows[1], rows[2], rows[3], TILE_M, packed + start * TILE_M + m);
    }
    for (uint i = 0; i < 4; ++i) sums[m + i] = total[i];
  }
#endif
}

#endif
