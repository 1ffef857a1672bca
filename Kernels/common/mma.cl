// Products of small matrices that a warp of NVIDIA's computes together, and what feeds them, in inline PTX (PTX ISA: mma, ldmatrix;
// common/copies.cl). Of compute capability 8.0 and later; tessera probes it (matmul/mma_probe.ptx.cl).
//
// With EMULATED the same by local memory and plain C, with a work-group's lanes in the places that the instructions give them, so
// that any device can run a kernel that is made of these: then every work-item of a work-group must come to each of them.
//
// A lane is g = lane / 4 and t = lane % 4. A result's four elements are rows g, g, g + 8, g + 8 and columns 2t, 2t + 1, 2t, 2t + 1.

#pragma once

#include "common/copies.cl"
#include "common/halves.cl"
#include "common/lanes.cl"

#if EMULATED
// What lanes exchange: a kernel declares it, SCRATCH names it.
#define MMA_SCRATCH local uint mma_scratch[LOCAL * 6]
#define SCRATCH mma_scratch
#define MMA_UNROLL _Pragma("unroll 1")
#else
#define MMA_SCRATCH
#define SCRATCH 0
#define MMA_UNROLL _Pragma("unroll")
#endif
// The type of halves.
#if defined(IS_BF16) && IS_BF16
#define MMA_HALF "bf16"
#define EMULATED_HALF(bits) as_float((bits) << 16)
#else
#define MMA_HALF "f16"
#define EMULATED_HALF(bits) half_to_float(bits)
#endif
#define MMA_ARGUMENTS local uint *scratch
#define SYNC_GROUP barrier(CLK_LOCAL_MEM_FENCE)

#if EMULATED

INLINE void give_fragments(MMA_ARGUMENTS, const uint a0, const uint a1, const uint a2, const uint a3, const uint b0,
                           const uint b1) {
  local uint *mine = scratch + get_local_id(0) * 6;
  SYNC_GROUP;
  mine[0] = a0;
  mine[1] = a1;
  mine[2] = a2;
  mine[3] = a3;
  mine[4] = b0;
  mine[5] = b1;
  SYNC_GROUP;
}

static inline int dot_bytes(const uint u, const uint s) {
  const uchar4 a = as_uchar4(u);
  const char4 b = as_char4(s);
  return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

// Fragment `number` of the lane at row or column `of` and place t.
#define GIVEN(number, of, t) scratch[(get_local_id(0) / 32 * 32 + (of) * 4 + (t)) * 6 + (number)]
#define RESULT_ROW(i) (get_local_id(0) % 32 / 4)
#define RESULT_COLUMN(i) (get_local_id(0) % 4 * 2 + (i) % 2)

#endif

// 16 × 8 sums of 32 products of bytes, of a without and of b with a sign, added to c. Four bytes of k to a word: a0 row g, 4t …;
// a1 row g + 8; a2 and a3 the same at 16 + 4t …; b0 and b1 column g, 4t … and 16 + 4t ….
INLINE int4 mma_bytes_32(const int4 c, const uint a0, const uint a1, const uint a2, const uint a3, const uint b0,
                         const uint b1, MMA_ARGUMENTS) {
#if EMULATED
  int sums[4] = {c.x, c.y, c.z, c.w};
  give_fragments(scratch, a0, a1, a2, a3, b0, b1);
  for (uint i = 0; i < 4; ++i)
    for (uint t = 0; t < 8; ++t)
      sums[i] += dot_bytes(GIVEN(i / 2 + t / 4 * 2, RESULT_ROW(i), t % 4), GIVEN(4 + t / 4, RESULT_COLUMN(i), t % 4));
  return (int4)(sums[0], sums[1], sums[2], sums[3]);
#else
  int4 d;
  __asm__ volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
      : "=r"(d.x), "=r"(d.y), "=r"(d.z), "=r"(d.w)
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1), "r"(c.x), "r"(c.y), "r"(c.z), "r"(c.w));
  return d;
#endif
}

// The same of 16 products: a0 row g, 4t …; a1 row g + 8; b column g.
INLINE int4 mma_bytes_16(const int4 c, const uint a0, const uint a1, const uint b, MMA_ARGUMENTS) {
#if EMULATED
  int sums[4] = {c.x, c.y, c.z, c.w};
  give_fragments(scratch, a0, a1, 0, 0, b, 0);
  for (uint i = 0; i < 4; ++i)
    for (uint t = 0; t < 4; ++t) sums[i] += dot_bytes(GIVEN(i / 2, RESULT_ROW(i), t), GIVEN(4, RESULT_COLUMN(i), t));
  return (int4)(sums[0], sums[1], sums[2], sums[3]);
#else
  int4 d;
  __asm__ volatile("mma.sync.aligned.m16n8k16.row.col.s32.u8.s8.s32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};"
                   : "=r"(d.x), "=r"(d.y), "=r"(d.z), "=r"(d.w)
                   : "r"(a0), "r"(a1), "r"(b), "r"(c.x), "r"(c.y), "r"(c.z), "r"(c.w));
  return d;
#endif
}

// 16 × 8 sums of 16 products of halves (of BF16 with IS_BF16), added to c in float32. Two to a word: a.x row g, 2t …; a.y row g + 8; a.z
// and a.w the same at 8 + 2t …; b.x and b.y column g, 2t … and 8 + 2t …. In what order they are added, and how rounded, is the device's
// matter; EMULATED adds them in sequence.
INLINE float4 mma_halves(const float4 c, const uint4 a, const uint2 b, MMA_ARGUMENTS) {
#if EMULATED
  float sums[4] = {c.x, c.y, c.z, c.w};
  give_fragments(scratch, a.x, a.y, a.z, a.w, b.x, b.y);
  for (uint i = 0; i < 4; ++i)
    for (uint t = 0; t < 8; ++t) {
      const uint of_a = GIVEN(i / 2 + t / 4 * 2, RESULT_ROW(i), t % 4), of_b = GIVEN(4 + t / 4, RESULT_COLUMN(i), t % 4);
      sums[i] = fma(EMULATED_HALF(of_a & 0xffffu), EMULATED_HALF(of_b & 0xffffu), sums[i]);
      sums[i] = fma(EMULATED_HALF(of_a >> 16), EMULATED_HALF(of_b >> 16), sums[i]);
    }
  return (float4)(sums[0], sums[1], sums[2], sums[3]);
#else
  float4 d = c;
  __asm__ volatile("mma.sync.aligned.m16n8k16.row.col.f32." MMA_HALF "." MMA_HALF
                   ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                   : "+f"(d.x), "+f"(d.y), "+f"(d.z), "+f"(d.w)
                   : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y));
  return d;
#endif
}

// Four matrices of 8 rows of 8 halves: lane 8i + r names row r of matrix i, vector `at` of `from`. Word i is elements 2t and 2t + 1 of
// row g of matrix i; turned, rows 2t and 2t + 1 of column g.
INLINE uint4 load_matrices(local const uint4 *from, const uint at, const bool is_turned, MMA_ARGUMENTS) {
#if EMULATED
  uint words[4];
  const uint lane = get_local_id(0) % 32, first = get_local_id(0) - lane;
  SYNC_GROUP;
  scratch[get_local_id(0)] = at;
  SYNC_GROUP;
  for (uint i = 0; i < 4; ++i) {
    const uint row = first + i * 8 + (is_turned ? lane % 4 * 2 : lane / 4), column = is_turned ? lane / 4 : lane % 4 * 2;
    const uint low = ((local const uint *)(from + scratch[row]))[column / 2];
    const uint high = is_turned ? ((local const uint *)(from + scratch[row + 1]))[column / 2] : low;
    words[i] = !is_turned ? low : column % 2 ? low >> 16 | (high & 0xffff0000u) : (low & 0xffffu) | high << 16;
  }
  return (uint4)(words[0], words[1], words[2], words[3]);
#else
  uint4 d;
  const uint address = address_of(from + at);
  if (is_turned)
    __asm__ volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(d.x), "=r"(d.y), "=r"(d.z), "=r"(d.w) : "r"(address) : "memory");
  else
    __asm__ volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(d.x), "=r"(d.y), "=r"(d.z), "=r"(d.w) : "r"(address) : "memory");
  return d;
#endif
}

// What the lane has whose number differs by `bit`.
INLINE float of_lane(const float x, const uint bit, MMA_ARGUMENTS) {
#if EMULATED
  SYNC_GROUP;
  scratch[get_local_id(0)] = as_uint(x);
  SYNC_GROUP;
  return as_float(scratch[get_local_id(0) ^ bit]);
#else
  float y;
  __asm__ volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(y) : "f"(x), "r"(bit));
  return y;
#endif
}

// Two floats rounded to halves, to nearest even, the first in the low bits.
static inline uint halves_of(const float low, const float high) {
#if EMULATED
  return half_bits(low) | (uint)half_bits(high) << 16;
#else
  uint d;
  __asm__("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(high), "f"(low));
  return d;
#endif
}

// 2 to the power of x, as near as the device has it in one instruction.
static inline float power_of_2(const float x) {
#if EMULATED
  return exp2(x);
#else
  float y;
  __asm__("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}
