#pragma once
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

// Macros with casts in them, which Swift does not see.
static const uint32_t conveyor_pcre2_options =
    PCRE2_UTF | PCRE2_UCP | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
static const uint32_t conveyor_pcre2_caseless = PCRE2_CASELESS;
