/* property: what holds for every input, checked by several fuzz targets. A property that does not
 * hold ends the process, which libFuzzer reports with the input. */
#ifndef BCRYPTD_TESTS_PROPERTY_H
#define BCRYPTD_TESTS_PROPERTY_H

#include "options.h"
#include "password.h"
#include "problem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The entry point that libFuzzer calls with each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROPERTY(condition)                                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A listening socket as bcryptd's, libfcgi made ready, and the default options. */
int property_listen(struct options *ret_options);

/* A password that was taken: 1 to 72 bytes, no NUL, and a NUL behind them. */
void property_password(const struct password *password);

/* A problem that was set: a kind with a status of 400 to 499, and a detail that is one of the
 * known sentences, so that nothing of the input can stand in it. */
void property_problem(const struct problem *problem);

#endif
