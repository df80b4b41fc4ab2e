#pragma once
#include <leptonica/allheaders.h>
// From 1.83 on, pictures are opaque without it, and Swift sees pointers to them as another type.
#if __has_include(<leptonica/pix_internal.h>)
#include <leptonica/pix_internal.h>
#endif
