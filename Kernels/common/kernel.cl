// How a kernel's work meets a launch. What a kernel does is its body,
//
//   static inline void NAME_body(ROOTS, const struct … *a, const uint x, const uint y, const uint z)
//
// the work of unit (x, y, z): a work-group of a launch of its own, or a unit of a phase of a step program, which includes the same
// files and calls the same bodies (step/phases.cl). A kernel's views are places in buffers: view number i, in the order of its
// argument block, begins at byte offset a->name of roots[i].
//
// The block of a kernel is a struct of include/TesseraArguments.h; LOCAL, the work-items of a work-group, is 1 in the vector style.

#pragma once

#include "include/TesseraArguments.h"
#include "common/lanes.cl"

#ifndef PROGRAM
#define PROGRAM 0
#endif
#ifndef LOCAL
#if SIMT
#define LOCAL 64
#else
#define LOCAL 1
#endif
#endif

#define ROOTS global uchar *const *const roots
#define VIEW(type, number, name) ((global type *)(roots[number] + a->name))
#define GROUP_OF_ITEMS __attribute__((reqd_work_group_size(LOCAL, 1, 1)))
#define UNIT get_group_id(0), get_group_id(1), get_group_id(2)

// The kernels around bodies, by how many buffers they have.
#define ROOTS_1 global uchar *r0
#define ROOTS_2 ROOTS_1, global uchar *r1
#define ROOTS_3 ROOTS_2, global uchar *r2
#define ROOTS_4 ROOTS_3, global uchar *r3
#define ROOTS_5 ROOTS_4, global uchar *r4
#define ROOTS_6 ROOTS_5, global uchar *r5
#define ROOTS_7 ROOTS_6, global uchar *r6
#define ROOTS_8 ROOTS_7, global uchar *r7
#define ROOTS_13 ROOTS_8, global uchar *r8, global uchar *r9, global uchar *r10, global uchar *r11, global uchar *r12
#define LIST_1 r0
#define LIST_2 LIST_1, r1
#define LIST_3 LIST_2, r2
#define LIST_4 LIST_3, r3
#define LIST_5 LIST_4, r4
#define LIST_6 LIST_5, r5
#define LIST_7 LIST_6, r6
#define LIST_8 LIST_7, r7
#define LIST_13 LIST_8, r8, r9, r10, r11, r12

#if PROGRAM
#define KERNEL(name, block, count)
#else
#define KERNEL(name, block, count)                                             \
  kernel GROUP_OF_ITEMS void name(ROOTS_##count, const struct block a) {       \
    global uchar *const roots[] = {LIST_##count};                              \
    name##_body(roots, &a, UNIT);                                              \
  }
#endif
