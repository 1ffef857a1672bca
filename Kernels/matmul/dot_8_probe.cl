// Whether the driver's compiler has x86's products of bytes: DOT_8 = 3 of matmul/dot_8.cl.
//
// global size (1), local size (1)

#include "matmul/dot_8.cl"

kernel void has_x86_bytes(global uint *answer) { *answer = HAS_X86_BYTES; }
