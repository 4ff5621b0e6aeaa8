#ifndef SLUICE_BENCH_REPORT_H
#define SLUICE_BENCH_REPORT_H

#include "load.h"

/// Writes what the run counted as one line of JSON to standard output.
void report_write(const struct load *load);

#endif
