/* record: what the clients of a load have seen, and its summary as JSON. */
#ifndef BENCH_RECORD_H
#define BENCH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_STATUSES 600

enum record_error {
    RECORD_CONNECT, /* no connection */
    RECORD_CLOSED,  /* the server closed it without a reply */
    RECORD_BROKEN,  /* a reply that is no HTTP, or a 200 without what was expected in it */
    RECORD_TIMEOUT, /* no reply after a long time */
    RECORD_UNSENT,  /* an open loop's request for which no client was free */
    RECORD_ERRORS
};

/* Times in microseconds, in the order they came. */
struct record_times {
    uint32_t *us;
    size_t count;
    size_t room;
    uint64_t base_ns; /* the moment from which the rate counts, and that of the last entry */
    uint64_t last_ns;
};

struct record {
    uint64_t warm_ns; /* what ends before this moment is counted, but not timed */
    unsigned lanes;   /* how many replies may come at the same time, see record_print() */
    uint64_t sent;
    uint64_t left; /* requests whose client closed the connection by itself */
    uint64_t missing_retry_after;
    uint64_t statuses[RECORD_STATUSES];
    uint64_t errors[RECORD_ERRORS];
    struct record_times successes; /* 200 */
    struct record_times refusals;  /* 429 and 503 */
};

/* Notes a reply that took from begin_ns to now_ns (monotonic). */
void record_reply(struct record *record, unsigned status, bool has_retry_after, uint64_t begin_ns,
                  uint64_t now_ns);

void record_error(struct record *record, enum record_error error);

/* Prints the summary on stdout; sorts the times.
 *
 * A rate counts from the lanes-th reply to the last one. The bounds of the measured time would cut
 * what is under way there, and of replies that come in pairs the first one has no pause before it.
 */
void record_print(struct record *record);

#endif
