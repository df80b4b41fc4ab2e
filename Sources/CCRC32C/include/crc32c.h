#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC32C (RFC 3720, appendix B.4) of what `crc` is of, 0 for nothing, and these bytes behind it. With
/// the processor's own instruction, where it has one.
uint32_t conveyor_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same without that instruction.
uint32_t conveyor_crc32c_portable(uint32_t crc, const void *bytes, size_t count);
