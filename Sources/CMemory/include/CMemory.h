#pragma once

#include <malloc.h>
#include <stddef.h>

/// Whether the address space of this process is limited (RLIMIT_AS).
int cmemory_is_limited(void);

/// Whether the kernel would give so many bytes more.
int cmemory_has_room(size_t bytes);

/// From now on, a crash for want of memory (less than `least` bytes are left) ends the process with `status`,
/// after `message` was written to standard error; any other crash goes where it would have gone. To be called
/// once, before there are threads; `message` has to stay.
void cmemory_watch(size_t least, const char *message, int status);
