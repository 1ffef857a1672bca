#ifndef TESSERA_CSAMPLERATE_SHIM_H
#define TESSERA_CSAMPLERATE_SHIM_H

#include <samplerate.h>

#endif
