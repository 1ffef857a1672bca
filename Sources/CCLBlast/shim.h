#ifndef TESSERA_CCLBLAST_SHIM_H
#define TESSERA_CCLBLAST_SHIM_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#include <clblast_c.h>

#endif
