#pragma once
#include <zlib.h>

/// These are macros, which Swift does not see.
static inline int czlib_inflate_init(z_stream *stream) { return inflateInit(stream); }

static inline int czlib_deflate_init(z_stream *stream, int level) {
  return deflateInit(stream, level);
}

/// gzip (RFC 1952), with 15 bits of window, the most that there is.
static inline int czlib_gunzip_init(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

/// deflate without a header of its own (RFC 1951).
static inline int czlib_raw_inflate_init(z_stream *stream) { return inflateInit2(stream, -15); }
