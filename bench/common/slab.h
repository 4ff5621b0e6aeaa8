#ifndef SLUICE_BENCH_SLAB_H
#define SLUICE_BENCH_SLAB_H

#include <nghttp2/nghttp2.h>

/// libnghttp2's memory from free lists by size class, never given back to the system.
///
/// For one thread only: it takes no lock. Blocks over 32 KiB come from malloc.
nghttp2_mem *slab_memory(void);

#endif
