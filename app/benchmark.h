/* benchmark: what the engines give on this machine, for people. */
#ifndef BCRYPTD_BENCHMARK_H
#define BCRYPTD_BENCHMARK_H

#include "options.h"

#include <stdio.h>

/* Measures libxcrypt and each number of lanes, on each CPU alone and on all at once; prints tables
 * at the default cost and the number of lanes to choose. Returns 0 or -errno. */
int benchmark_run(const struct options *options, FILE *out);

#endif
