#ifndef BENCHMARK_PROBES_H
#define BENCHMARK_PROBES_H

#include <stddef.h>

/// The text of `probe.cl`, without a zero byte at its end.
const unsigned char *_Nonnull benchmark_probe_source(size_t *_Nonnull length);

#endif
