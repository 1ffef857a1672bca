// The best DOT_8 of x86 (matmul/dot_8.cl) that the driver's compiler and the CPU have: 3 or 4, or 0 for none.
//
// global size (1), local size (1)

#include "matmul/dot_8.cl"

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void best_x86(global uint *answer) {
  *answer = HAS_X86_BYTES ? 3 : 0;
#if HAS_X86_512
  // AVX512_VNNI: bit 11 of ecx. Source: Intel's Software Developer's Manual, CPUID, leaf 7.
  uint a = 7, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if (c >> 11 & 1) *answer = 4;
#endif
}
