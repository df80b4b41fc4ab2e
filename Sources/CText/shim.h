#pragma once
// Names and texts in other alphabets: libidn2, and the C library's iconv(3).
#include <iconv.h>
#include <idn2.h>
