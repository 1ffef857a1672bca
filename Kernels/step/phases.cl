// Phases inside one launch: the work-groups of a kernel share the units of a phase, and begin the next when all are done.
//
// The units of a phase are cut in a range for each work-group, each range in shares: more of long ones, so that no core waits long
// for a slower one, fewer of short ones, since a claim costs time. A work-group claims the shares of its own range, then those that
// are left of the others'. It waits only for shares that a running work-group has claimed, so a driver may run the work-groups at
// once or one after another. Made for CPUs, where a work-group that has begun goes on:
//
//   for (struct share s = first_share(counters, units); next_share(&s);)
//     for (uint unit = s.begin; unit < s.end; ++unit) …
//
// A phase has get_num_groups(0) + 1 counters, each alone in a line of the cache and zero before: of claims for each range, then
// of units done. Work-groups have one work-item.

#pragma once

#define LEAST_SHARES 4
#define MOST_SHARES 16
#define SHARE_UNITS 8
#define COUNTER_STRIDE 16

#define PHASE_COUNTERS ((get_num_groups(0) + 1) * COUNTER_STRIDE)

struct share {
  volatile global uint *counters;
  uint units, visited, done;
  uint begin, end;
};

static inline struct share first_share(volatile global uint *counters, uint units) {
  struct share s = {counters, units, 0, 0, 0, 0};
  return s;
}

static inline bool next_share(struct share *s) {
  const uint groups = get_num_groups(0);
  for (; s->visited < groups; ++s->visited) {
    const uint range = (get_group_id(0) + s->visited) % groups;
    const uint first = (uint)((ulong)s->units * range / groups);
    const uint count = (uint)((ulong)s->units * (range + 1) / groups) - first;
    const uint shares = min(count, clamp(count / SHARE_UNITS, (uint)LEAST_SHARES, (uint)MOST_SHARES));
    const uint claimed = count > 0 ? atomic_inc(s->counters + range * COUNTER_STRIDE) : shares;
    if (claimed >= shares) continue;
    s->begin = first + (uint)((ulong)count * claimed / shares);
    s->end = first + (uint)((ulong)count * (claimed + 1) / shares);
    s->done += s->end - s->begin;
    return true;
  }
  volatile global uint *done = s->counters + groups * COUNTER_STRIDE;
  mem_fence(CLK_GLOBAL_MEM_FENCE);
  if (s->done > 0) atomic_add(done, s->done);
  while (*done < s->units) {}
  mem_fence(CLK_GLOBAL_MEM_FENCE);
  return false;
}
