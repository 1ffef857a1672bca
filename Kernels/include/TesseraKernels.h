#ifndef TESSERA_KERNELS_H
#define TESSERA_KERNELS_H

#include <stddef.h>

#include "TesseraArguments.h"

/// One embedded `.cl` file: its path below `Kernels/`, and its text.
typedef struct {
  const char *_Nonnull path;
  const unsigned char *_Nonnull text;
  size_t length;
} tessera_kernel_file;

/// Every embedded kernel file.
const tessera_kernel_file *_Nonnull tessera_kernel_files(size_t *_Nonnull count);

#endif
