// Whether the driver's compiler and the device have what common/mma.cl is made of: bit 0 of each lane's answer, sums of bytes and copies;
// bit 1, sums of halves, matrices from local memory, and other lanes' values.
//
// global size (32), local size (32)

#ifndef LOCAL
#define LOCAL 32
#endif

#include "common/kernel.cl"
#include "common/mma.cl"

// Elements of the matrices: bytes, and small integers as halves.
#define A_BYTE(row, k) (((row) * 7 + (k) * 3 + 11) & 255)
#define B_BYTE(k, column) ((((k) * 5 + (column) * 13) & 255) - 128)
#define A_HALF(row, k) (((row) * 3 + (k)) % 9 - 4)
#define B_HALF(k, column) (((k) * 5 + (column)) % 7 - 3)

static inline uint a_bytes(const uint row, const uint k) {
  return A_BYTE(row, k) | A_BYTE(row, k + 1) << 8 | A_BYTE(row, k + 2) << 16 | A_BYTE(row, k + 3) << 24;
}

static inline uint b_bytes(const uint k, const uint column) {
  uint word = 0;
  for (uint i = 0; i < 4; ++i) word |= ((uint)B_BYTE((int)(k + i), (int)column) & 255u) << (8 * i);
  return word;
}

INLINE bool has_bytes(const uint g, const uint t, MMA_ARGUMENTS) {
  const int4 start = (int4)(1, -2, 3, -4);
  const int4 of_32 = mma_bytes_32(start, a_bytes(g, 4 * t), a_bytes(g + 8, 4 * t), a_bytes(g, 16 + 4 * t), a_bytes(g + 8, 16 + 4 * t),
                                  b_bytes(4 * t, g), b_bytes(16 + 4 * t, g), scratch);
  const int4 of_16 = mma_bytes_16(start, a_bytes(g, 4 * t), a_bytes(g + 8, 4 * t), b_bytes(4 * t, g), scratch);
  const int got_32[4] = {of_32.x, of_32.y, of_32.z, of_32.w}, got_16[4] = {of_16.x, of_16.y, of_16.z, of_16.w};
  int sums[4] = {1, -2, 3, -4};
  bool is_right = true;
  for (uint i = 0; i < 4; ++i) {
    const int row = g + i / 2 * 8, column = 2 * t + i % 2;
    for (int k = 0; k < 32; ++k) {
      if (k == 16) is_right &= got_16[i] == sums[i];
      sums[i] += A_BYTE(row, k) * B_BYTE(k, column);
    }
    is_right &= got_32[i] == sums[i];
  }
  return is_right;
}

INLINE bool has_halves(local uint4 *matrices, const uint lane, MMA_ARGUMENTS) {
  const uint g = lane / 4, t = lane % 4;
  // A's four matrices of 8 × 8, and B turned, 16 rows of 8 columns: lane r has row r % 8 of matrix r / 8.
  uint a_row[4], b_row[4];
  for (int i = 0; i < 4; ++i) {
    const int row = lane % 8 + lane / 8 % 2 * 8, k = lane / 16 * 8 + 2 * i;
    a_row[i] = halves_of(A_HALF(row, k), A_HALF(row, k + 1));
    b_row[i] = halves_of(B_HALF((int)lane % 16, 2 * i), B_HALF((int)lane % 16, 2 * i + 1));
  }
  matrices[lane] = (uint4)(a_row[0], a_row[1], a_row[2], a_row[3]);
  matrices[32 + lane] = (uint4)(b_row[0], b_row[1], b_row[2], b_row[3]);
  SYNC_GROUP;
  const uint4 a = load_matrices(matrices, lane, false, scratch), b = load_matrices(matrices, 32 + lane, true, scratch);
  const float4 sum = mma_halves((float4)(0.5f), a, b.xy, scratch);
  const float got[4] = {sum.x, sum.y, sum.z, sum.w};
  bool is_right = of_lane((float)lane, 1, scratch) == (float)(lane ^ 1) && of_lane((float)lane, 2, scratch) == (float)(lane ^ 2);
  for (uint i = 0; i < 4; ++i) {
    float expected = 0.5f;
    for (int k = 0; k < 16; ++k) expected += (float)(A_HALF((int)(g + i / 2 * 8), k) * B_HALF(k, (int)(2 * t + i % 2)));
    is_right &= got[i] == expected;
  }
  return is_right && fabs(power_of_2(-3.0f) - 0.125f) < 1e-6f;
}

kernel GROUP_OF_ITEMS void probe_mma(global uint *answers) {
  local uint4 matrices[64];
  MMA_SCRATCH;
  const uint lane = get_local_id(0);
  uint answer = has_bytes(lane / 4, lane % 4, SCRATCH) ? 1 : 0;
  // Four copies of 16 bytes, and one of zeros.
  answers[lane] = lane * 3 + 1;
  barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE);
  if (lane < 8) copy_16(&matrices[lane], (global const uint4 *)answers + lane);
  copy_16_if(false, &matrices[8 + lane], answers);
  end_batch();
  BATCHES_DONE(0);
  copies_done();
  SYNC_GROUP;
  if (((local const uint *)matrices)[lane] != lane * 3 + 1 || matrices[8 + lane].x != 0) answer = 0;
  SYNC_GROUP;
  if (has_halves(matrices, lane, SCRATCH)) answer |= 2;
  barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE);
  answers[lane] = answer;
}
