// Where a running sum passes a target: how a threshold's bin, a draw's block and its token are found.

#pragma once

#include "sampling/row.cl"

// Memory of a work-group, and what `locate` found. Arrays of their own: PoCL 3.1 cannot compile a struct in local memory.
typedef struct {
  SHARED ulong *cells;
  SHARED ulong *sums;   // ROW_ITEMS
  SHARED uint *index;
  SHARED ulong *before, *target, *total;
} located;

#define DECLARE_LOCATED(name, cell_count)                                \
  SHARED ulong name##_cells[cell_count], name##_sums[ROW_ITEMS];         \
  SHARED uint name##_index[1];                                           \
  SHARED ulong name##_before[1], name##_target[1], name##_total[1];      \
  const located name = {name##_cells, name##_sums, name##_index, name##_before, name##_target, name##_total}

// Sets `index` to the first of `count` cells with which their running sum exceeds the target, or to `count` where their total
// does not; `before` is the sum of the cells before. The target is `value`; or, of a fraction that is not 0, the least for
// which the sum is fraction / 2^64 of the total or more.
//
// Every work-item of a work-group of ROW_ITEMS calls it; what the cells need to be visible, it does.
static inline void locate(const located *at, uint count, ulong value, ulong fraction) {
#if SIMT
  const uint item = get_local_id(0), each = (count + ROW_ITEMS - 1) / ROW_ITEMS;
  const uint begin = min(item * each, count), end = min(begin + each, count);
  barrier(CLK_LOCAL_MEM_FENCE);
  ulong own = 0;
  for (uint i = begin; i < end; ++i) own += at->cells[i];
  at->sums[item] = own;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint step = 1; step < ROW_ITEMS; step *= 2) {
    const ulong below = item >= step ? at->sums[item - step] : 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    at->sums[item] += below;
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const ulong total = at->sums[ROW_ITEMS - 1], after = at->sums[item];
  ulong before = after - own;
#else
  const uint begin = 0, end = count;
  ulong total = 0, before = 0;
  for (uint i = 0; i < count; ++i) total += at->cells[i];
  const uint item = 0;
  const ulong after = total;
#endif
  const ulong target = fraction ? mul_hi(total, fraction) - (total * fraction == 0) : value;
  if (item == 0) {
    *at->total = total;
    *at->target = target;
    *at->index = count;
    *at->before = total;
  }
#if SIMT
  barrier(CLK_LOCAL_MEM_FENCE);
#endif
  if (before <= target && target < after) {
    uint i = begin;
    for (; i + 1 < end && before + at->cells[i] <= target; ++i) before += at->cells[i];
    *at->index = i;
    *at->before = before;
  }
#if SIMT
  barrier(CLK_LOCAL_MEM_FENCE);
#endif
}
