/* reply: as much of HTTP/1.1's replies as a load generator needs. */
#ifndef BENCH_REPLY_H
#define BENCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct reply {
    unsigned status;
    bool closes; /* the connection cannot be used again */
    bool has_retry_after;
    unsigned retry_after_s;
    const char *body; /* within the text; still chunked when it came so */
};

/* Parses text, which ends with a NUL that length does not count. Returns 1 with ret set for a
 * whole reply, 0 for one that is not whole yet, -1 for what is no reply. */
int reply_parse(const char *text, size_t length, struct reply *ret);

#endif
