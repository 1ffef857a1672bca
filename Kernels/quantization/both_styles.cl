// A source that serves both styles, for kernels that only move words: the simt style's, of which the vector style takes groups of one
// work-item and planes without words aside (quantization/weights.cl).

#pragma once

#if SIMT
#define LOCAL 64
#define FIRST_ITEM get_local_id(0)
#else
#define LOCAL 1
#define ASIDE 1
#define FIRST_ITEM 0
#endif
#undef SIMT
#define SIMT 1
#include "common/kernel.cl"
