#include "crc32c.h"
#include <string.h>

// In C, since Swift knows neither these instructions nor how to ask for them. Debian 12 has no library
// for it on every processor that it runs on.

uint32_t conveyor_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
  // What half a byte does to the remainder by the reversed polynomial 0x82F63B78.
  static const uint32_t table[16] = {
      0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
      0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
  };
  const uint8_t *next = bytes;
  crc = ~crc;
  for (; count > 0; count--) {
    crc ^= *next++;
    crc = table[crc & 15] ^ (crc >> 4);
    crc = table[crc & 15] ^ (crc >> 4);
  }
  return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#define ADD_WORD(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define ADD_BYTE(crc, byte) _mm_crc32_u8(crc, byte)
static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define WITH_INSTRUCTION __attribute__((target("+crc")))
#define ADD_WORD(crc, word) __crc32cd(crc, word)
#define ADD_BYTE(crc, byte) __crc32cb(crc, byte)
// HWCAP_CRC32 of <asm/hwcap.h>.
static int has_instruction(void) { return (getauxval(AT_HWCAP) >> 7 & 1) != 0; }
#endif

#ifdef WITH_INSTRUCTION
WITH_INSTRUCTION
static uint32_t with_instruction(uint32_t crc, const uint8_t *next, size_t count) {
  crc = ~crc;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, 8);
    crc = ADD_WORD(crc, word);
  }
  for (; count > 0; count--) crc = ADD_BYTE(crc, *next++);
  return ~crc;
}
#endif

uint32_t conveyor_crc32c(uint32_t crc, const void *bytes, size_t count) {
#ifdef WITH_INSTRUCTION
  if (has_instruction()) return with_instruction(crc, bytes, count);
#endif
  return conveyor_crc32c_portable(crc, bytes, count);
}
