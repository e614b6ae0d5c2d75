/* metrics: the scoreboard as Prometheus text (version 0.0.4) or OpenMetrics 1.0.0. */
#ifndef BCRYPTD_METRICS_H
#define BCRYPTD_METRICS_H

#include "options.h"
#include "scoreboard.h"

#include <stdio.h>

/* A listening socket's queue; known is false where the kernel could not be asked. */
struct metrics_queue {
    const char *name;
    bool known;
    uint32_t depth;
    uint32_t limit;
};

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

const char *metrics_content_type(enum metrics_format format);

/* The format to answer an Accept header with. */
enum metrics_format metrics_choose(const char *accept);

/* Writes all metrics. queues has one entry a socket. */
void metrics_write(FILE *out, enum metrics_format format, const struct scoreboard *scoreboard,
                   const struct options *options, const struct metrics_queue *queues,
                   size_t queue_count);

#endif
