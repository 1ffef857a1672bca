#ifndef TESSERA_CEDITLINE_SHIM_H
#define TESSERA_CEDITLINE_SHIM_H

#include <editline/readline.h>

#endif
