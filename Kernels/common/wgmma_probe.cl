// Whether the device has the instructions of common/wgmma.cl, in a work-group with PROBED_BYTES of local memory: the answer is
// 0, where its sums are right.
//
// global size (128), local size (128)

#define TILE_N 8
#include "common/wgmma.cl"

// The half of 0, 1, 2 or 3.
static inline uint half_of(const uint i) { return i == 0 ? 0u : i == 1 ? 0x3c00u : i == 2 ? 0x4000u : 0x4200u; }
static inline uint element(const uint row, const uint k) { return (row * 5 + k * 3 + row * k) % 4; }
static inline uint4 piece(const uint row, const uint eighth) {
  uint words[4];
#pragma unroll
  for (uint i = 0; i < 4; ++i)
    words[i] = half_of(element(row, eighth * 8 + 2 * i)) | half_of(element(row, eighth * 8 + 2 * i + 1)) << 16;
  return (uint4)(words[0], words[1], words[2], words[3]);
}

kernel __attribute__((reqd_work_group_size(128, 1, 1))) void probe(global uint *answer, global uint4 *scratch) {
  local uint4 pieces[PROBED_BYTES / 16] __attribute__((aligned(128)));
  const uint item = get_local_id(0), lane = item % 32, warp = item / 32;
  // At the end of local memory.
  local uint4 *a = pieces + PROBED_BYTES / 16 - 160, *b = a + 128;
  scratch[item] = piece(item % 64, item / 64);
  barrier(CLK_GLOBAL_MEM_FENCE);
  copy_16(a + item, scratch + item);
  end_batch();
  if (item < 16) b[item] = piece(item % 8 + 7, item / 8);
  BATCHES_DONE(0);
  LET_READ_COPIES;
  barrier(CLK_LOCAL_MEM_FENCE);
  float c[4] = {1.0f, 1.0f, 1.0f, 1.0f};
  BEGIN_PRODUCTS;
  multiply(c, a, 64, b);
  COMMIT_PRODUCTS;
  WAIT_FOR_PRODUCTS;
#pragma unroll
  for (uint e = 0; e < 4; ++e) {
    uint sum = 1;
    for (uint k = 0; k < 16; ++k) sum += element(warp * 16 + lane / 4 + e / 2 * 8, k) * element(lane % 4 * 2 + e % 2 + 7, k);
    if (c[e] != (float)sum) atomic_inc(answer);
  }
}
