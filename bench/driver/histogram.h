#ifndef SLUICE_BENCH_HISTOGRAM_H
#define SLUICE_BENCH_HISTOGRAM_H

#include <stdint.h>

/// Buckets per power of two: a quantile is off by less than 1/64 of its value.
enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = 40 * HISTOGRAM_STEPS };

/// Durations in nanoseconds, counted in buckets that widen with the value.
struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t maximum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/// Counts one duration.
void histogram_record(struct histogram *histogram, uint64_t nanoseconds);

/// The upper edge of the bucket that holds the `quantile` (0 to 1), in nanoseconds; 0 if nothing was counted.
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

#endif
