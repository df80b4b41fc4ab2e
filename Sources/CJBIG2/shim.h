#pragma once
#include <stddef.h>
#include <stdint.h>
#include <jbig2.h>

/// `jbig2_ctx_new` is a macro, which Swift does not see. What the library has to say is not shown:
/// it would go to standard error.
static inline void cjbig2_complain(void *data, const char *message, Jbig2Severity severity,
                                   uint32_t segment) {
  (void)message, (void)segment;
  if (severity >= JBIG2_SEVERITY_WARNING) ++*(int *)data;
}

/// `complaints` counts warnings and errors, and must live as long as the context.
static inline Jbig2Ctx *cjbig2_new(int *complaints) {
  return jbig2_ctx_new(NULL, JBIG2_OPTIONS_EMBEDDED, NULL, cjbig2_complain, complaints);
}
