#pragma once

#include <stdint.h>
#include <sys/vfs.h>

/// The number of the file system that an open file is on (statfs(2)), which Swift's Glibc does not show; 0
/// where that cannot be said.
static inline uint32_t cfiles_file_system(int descriptor) {
  struct statfs status;
  return fstatfs(descriptor, &status) == 0 ? (uint32_t)status.f_type : 0;
}
