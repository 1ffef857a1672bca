#ifndef TESSERA_CCLBLAST_SHIM_H
#define TESSERA_CCLBLAST_SHIM_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
// As in COpenCL: both modules must read the header alike.
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <clblast_c.h>

#endif
