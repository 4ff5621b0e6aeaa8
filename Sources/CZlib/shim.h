// zlib, with functions for what its header offers as macros.
#pragma once

#include <zlib.h>

/// Begins to decompress: `bits` is the largest window, as inflateInit2 takes it.
static inline int zlib_shim_begin_inflating(z_stream *stream, int bits) { return inflateInit2(stream, bits); }

/// Begins to compress, for tests: `bits` is the window, as deflateInit2 takes it.
static inline int zlib_shim_begin_deflating(z_stream *stream, int bits) {
    return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
}
