#include "BenchmarkProbes.h"

static const unsigned char probe_cl[] = {
#embed "probe.cl"
};

const unsigned char *benchmark_probe_source(size_t *length) {
  *length = sizeof probe_cl;
  return probe_cl;
}
