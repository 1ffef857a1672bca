// Whether a work-item's loop runs to its end: Mesa's llvmpipe ends loops after 65,536 laps of all of them together.
//
//   laps, found (1): a number of laps, and what they make of 1
//
// global size (1), local size (1)

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void loop_probe(global const uint *laps, global uint *found) {
  uint x = 1;
  // Marsaglia's xorshift: no compiler finds another way to its end.
  for (uint i = 0; i < laps[0]; ++i) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
  }
  found[0] = x;
}
