// Copies of 16 bytes, aligned, from global to local memory, which go on while the work-item does (PTX ISA: cp.async); with EMULATED
// plain ones. They are there after copies_done or BATCHES_DONE, and for other work-items after a barrier.

#pragma once

#include "common/lanes.cl"

#ifndef EMULATED
#define EMULATED 0
#endif

#if EMULATED

INLINE void copy_16(local void *to, global const void *from) { *(local uint4 *)to = *(global const uint4 *)from; }
INLINE void copy_16_if(const bool is_there, local void *to, global const void *from) {
  *(local uint4 *)to = is_there ? *(global const uint4 *)from : (uint4)(0);
}
static inline void end_batch(void) {}
static inline void copies_done(void) {}
#define BATCHES_DONE(later)

#else

// An address in local memory as instructions have it.
INLINE uint address_of(local const void *pointer) { return (uint)(ulong)pointer; }

INLINE void copy_16(local void *to, global const void *from) {
  __asm__ volatile("cp.async.cg.shared.global [%0], [%1], 16;" : : "r"(address_of(to)), "l"((ulong)from) : "memory");
}

// The same, or zeros.
INLINE void copy_16_if(const bool is_there, local void *to, global const void *from) {
  __asm__ volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                   : : "r"(address_of(to)), "l"((ulong)from), "r"(is_there ? 16 : 0) : "memory");
}

// The copies so far are a batch; after BATCHES_DONE at most `later` batches are still on their way, a constant.
static inline void end_batch(void) { __asm__ volatile("cp.async.commit_group;" : : : "memory"); }
#define BATCHES_DONE(later) __asm__ volatile("cp.async.wait_group %0;" : : "n"(later) : "memory")

static inline void copies_done(void) { __asm__ volatile("cp.async.wait_all;" : : : "memory"); }

#endif
