#include "version.h"

#ifndef CONVEYOR_COMMIT
#define CONVEYOR_COMMIT ""
#endif

const char *cversion_commit(void) { return CONVEYOR_COMMIT; }
