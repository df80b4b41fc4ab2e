#pragma once
#include <stddef.h>
#include <stdint.h>
#include <jbig2.h>

/// `jbig2_ctx_new` is a macro, which Swift does not see. What the library has to say is not shown:
/// it would go to standard error.
static inline void cjbig2_ignore(void *data, const char *message, Jbig2Severity severity,
                                 uint32_t segment) {
  (void)data, (void)message, (void)severity, (void)segment;
}

static inline Jbig2Ctx *cjbig2_new(void) {
  return jbig2_ctx_new(NULL, JBIG2_OPTIONS_EMBEDDED, NULL, cjbig2_ignore, NULL);
}
