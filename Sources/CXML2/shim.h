#pragma once
#include <libxml/xmlversion.h>

// Debian's libxml2 converts with ICU, and its headers would bring ICU's, which collide with those
// inside Foundation. Nothing that we use depends on them.
#undef LIBXML_ICU_ENABLED

#include <libxml/HTMLparser.h>
#include <libxml/xpath.h>

// xmlFree is a global variable in C, not a function.
static inline void conveyor_xml_free(void *memory) { xmlFree(memory); }

// Says nothing: what is wrong with a page of the web is no news.
static inline void conveyor_xml_silent(void *context, const char *message, ...) {
  (void)context;
  (void)message;
}
static inline void conveyor_xml_silence(void) {
  xmlSetGenericErrorFunc(NULL, conveyor_xml_silent);
}
