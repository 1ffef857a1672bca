// A step, or a segment of one, in one launch: commands that the host has recorded, one phase each (step/phases.cl).
//
// Each command is what a kernel of its own would do, to the bit: its units are computed by that kernel's body. On a CPU a launch costs
// as much as a small product, most of it to wake the other cores, and leaves some of them idle toward its end; here they stay awake
// from the first layer to the last. Vector style only.
//
// The host writes what comes before this file (TesseraOperators/Dispatch/ProgramSource.swift): the bodies of the variants that the
// step uses, each under names of its own, and
//   PROGRAM_PARAMETERS, PROGRAM_ROOTS   the kernel's buffers, and a list of them
//   PROGRAM_CASES                       OPERATOR(number, body, block, views) for each variant
//
//   memory     at `commands_offset` commands, (count), with their argument blocks
//   counters   at `counters_offset` those of this launch, (count, groups + 1, 16), all zero; at `cleared_offset` those of the launch before,
//              (cleared_count, groups + 1, 16), which the work-groups clear together
//
// global size (any number of work-groups), local size (1).

#include "step/phases.cl"

#define NO_COUNT 0xffffffffu

#define OPERATOR(number, body, arguments, views)                                          \
  case number: {                                                                          \
    const struct arguments block = *(global const struct arguments *)(memory + c->block); \
    global uchar *roots[views];                                                           \
    for (uint i = 0; i < views; ++i) roots[i] = all[c->roots[i]];                         \
    for (; unit < end; ++unit) {                                                          \
      if (unit_x < limit) body(roots, &block, unit_x, unit_y, unit_z);                    \
      if (++unit_x < x) continue;                                                         \
      unit_x = 0;                                                                         \
      if (++unit_y < y) continue;                                                         \
      unit_y = 0;                                                                         \
      ++unit_z;                                                                           \
    }                                                                                     \
    break;                                                                                \
  }

// Units `unit` … end − 1 of a command, without those that a count rules out. The count is another command's result, whose memory may
// be used anew once this phase is over: only a work-group that has claimed units of the phase may read it.
static inline void run(global const struct program_command *c, uint unit, const uint end, global const uchar *memory,
                       global uchar *const *all) {
  const uint x = c->x, y = c->y;
  const uint limit =
      c->count_root == NO_COUNT ? x : *(volatile global const uint *)(all[c->count_root] + c->count_offset);
  uint unit_x = unit % x, unit_y = unit / x % y, unit_z = unit / x / y;
  switch (c->number) { PROGRAM_CASES }
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void step_program(
    PROGRAM_PARAMETERS, global uchar *memory, global uchar *counters_memory, const struct program_arguments a) {
  global uchar *const all[] = {PROGRAM_ROOTS};
  global const uchar *start = memory + a.commands_offset;
  global const struct program_command *commands = (global const struct program_command *)start;
  volatile global uint *counters = (volatile global uint *)(counters_memory + a.counters_offset);
  volatile global uint *cleared = (volatile global uint *)(counters_memory + a.cleared_offset);
  // One in a line counts.
  for (uint i = get_group_id(0) * COUNTER_STRIDE; i < a.cleared_count * PHASE_COUNTERS; i += get_num_groups(0) * COUNTER_STRIDE)
    cleared[i] = 0;
  for (uint i = 0; i < a.count; ++i) {
    global const struct program_command *c = commands + i;
    for (struct share s = first_share(counters + i * PHASE_COUNTERS, c->x * c->y * c->z); next_share(&s);)
      run(c, s.begin, s.end, start, all);
  }
}
