// Hopper's matrix units: a warp group (128 work-items) multiplies tiles that lie in local memory,
//
//   c[64 × N] += a[64 × 16] · b[N × 16]ᵀ,  float32 sums in registers, N = TILE_N, a multiple of 8 up to 256
//
// by one wgmma instruction (PTX ISA, "Asynchronous warpgroup level matrix instructions"). Its operands are 16-byte pieces, eight
// elements of k of a row: pieces of rows one after another, then those of the next eight k.
//
// Work-item i of a warp group, i / 32 its warp, i % 32 its lane, holds in c[4j + e] row 16 · warp + lane / 4 + 8 · (e / 2) of column
// 8j + 2 · (lane % 4) + e % 2.
//
// Drivers compile OpenCL C for a target without these instructions: they stand in comments of the assembly, and Program.swift, which
// asks for the program's PTX, names the target that has them and opens the comments. With EMULATED the same is computed in plain C,
// for tests on any device.

#pragma once

#include "common/copies.cl"

#ifndef IS_BF16
#define IS_BF16 0
#endif

#if EMULATED

INLINE float element_of(local const uint4 *piece, const uint i) {
#if IS_BF16
  return as_float((uint)((local const ushort *)piece)[i] << 16);
#else
  return vload_half(i, (local const half *)piece);
#endif
}

#define LET_READ_COPIES
#define BEGIN_PRODUCTS
#define COMMIT_PRODUCTS
#define WAIT_FOR_PRODUCTS

INLINE void multiply(float *c, local const uint4 *a, const uint a_rows, local const uint4 *b) {
  const uint lane = get_local_id(0) % 32, warp = get_local_id(0) / 32 % 4;
  for (uint j = 0; j < TILE_N / 8; ++j)
    for (uint e = 0; e < 4; ++e)
      for (uint k = 0; k < 16; ++k)
        c[4 * j + e] += element_of(a + k / 8 * a_rows + warp * 16 + lane / 4 + e / 2 * 8, k % 8) *
                        element_of(b + k / 8 * TILE_N + 8 * j + lane % 4 * 2 + e % 2, k % 8);
}

#else

// After BATCHES_DONE: matrix units may read what was copied.
#define LET_READ_COPIES __asm__ volatile("fence.proxy.async.shared::cta;" ::: "memory")

#define BEGIN_PRODUCTS __asm__ volatile("/*@ wgmma.fence.sync.aligned; @*/" ::: "memory")
#define COMMIT_PRODUCTS __asm__ volatile("/*@ wgmma.commit_group.sync.aligned; @*/" ::: "memory")
#define WAIT_FOR_PRODUCTS __asm__ volatile("/*@ wgmma.wait_group.sync.aligned 0; @*/" ::: "memory")

// Where a tile lies: 8 rows of a piece each are 128 bytes, the next 8 follow; the next eight k come after `rows` pieces.
INLINE ulong descriptor_of(local const void *tile, const uint rows) {
  return (ulong)((address_of(tile) & 0x3ffffu) >> 4) | (ulong)rows << 16 | (ulong)(128 >> 4) << 32;
}

#define L0 "%0,%1,%2,%3,%4,%5,%6,%7"
#define L8 "%8,%9,%10,%11,%12,%13,%14,%15"
#define L16 "%16,%17,%18,%19,%20,%21,%22,%23"
#define L24 "%24,%25,%26,%27,%28,%29,%30,%31"
#define L32 "%32,%33,%34,%35,%36,%37,%38,%39"
#define L40 "%40,%41,%42,%43,%44,%45,%46,%47"
#define L48 "%48,%49,%50,%51,%52,%53,%54,%55"
#define L56 "%56,%57,%58,%59,%60,%61,%62,%63"
#define L64 "%64,%65,%66,%67,%68,%69,%70,%71"
#define L72 "%72,%73,%74,%75,%76,%77,%78,%79"
#define L80 "%80,%81,%82,%83,%84,%85,%86,%87"
#define L88 "%88,%89,%90,%91,%92,%93,%94,%95"
#define L96 "%96,%97,%98,%99,%100,%101,%102,%103"
#define L104 "%104,%105,%106,%107,%108,%109,%110,%111"
#define L112 "%112,%113,%114,%115,%116,%117,%118,%119"
#define L120 "%120,%121,%122,%123,%124,%125,%126,%127"
#define F8(i)                                                                                                        \
  "+f"(c[i]), "+f"(c[i + 1]), "+f"(c[i + 2]), "+f"(c[i + 3]), "+f"(c[i + 4]), "+f"(c[i + 5]), "+f"(c[i + 6]), "+f"(c[i + 7])
#define F16(i) F8(i), F8(i + 8)
#define F32(i) F16(i), F16(i + 16)
#define F64(i) F32(i), F32(i + 32)
#if TILE_N == 8
#define SHAPE "m64n8k16"
#define SUM_LIST "%0,%1,%2,%3"
#define SUM_OPERANDS "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
#elif TILE_N == 16
#define SHAPE "m64n16k16"
#define SUM_LIST L0
#define SUM_OPERANDS F8(0)
#elif TILE_N == 32
#define SHAPE "m64n32k16"
#define SUM_LIST L0 "," L8
#define SUM_OPERANDS F16(0)
#elif TILE_N == 64
#define SHAPE "m64n64k16"
#define SUM_LIST L0 "," L8 "," L16 "," L24
#define SUM_OPERANDS F32(0)
#elif TILE_N == 128
#define SHAPE "m64n128k16"
#define SUM_LIST L0 "," L8 "," L16 "," L24 "," L32 "," L40 "," L48 "," L56
#define SUM_OPERANDS F64(0)
#else
#define SHAPE "m64n256k16"
#define SUM_LIST                                                                                                     \
  L0 "," L8 "," L16 "," L24 "," L32 "," L40 "," L48 "," L56 "," L64 "," L72 "," L80 "," L88 "," L96 "," L104 "," L112 "," L120
#define SUM_OPERANDS F64(0), F64(64)
#endif
#if IS_BF16
#define OPERAND_TYPES ".f32.bf16.bf16"
#else
#define OPERAND_TYPES ".f32.f16.f16"
#endif

// The tile of 64 rows at `a`, in one of a_rows, by that at `b`: in flight until WAIT_FOR_PRODUCTS.
INLINE void multiply(float *c, local const uint4 *a, const uint a_rows, local const uint4 *b) {
  const ulong of_a = descriptor_of(a, a_rows), of_b = descriptor_of(b, TILE_N);
  __asm__ volatile("/*@ wgmma.mma_async.sync.aligned." SHAPE OPERAND_TYPES " {" SUM_LIST "}, %[a], %[b], 1, 1, 1, 0, 0; @*/"
                   : SUM_OPERANDS
                   : [a] "l"(of_a), [b] "l"(of_b)
                   : "memory");
}

#endif
