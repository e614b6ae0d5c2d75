/* stats: what one process counts. Every process writes its own copy in the scoreboard and no
 * other; totals are derived when they are read, so they cannot drift. All values only grow. */
#ifndef BCRYPTD_STATS_H
#define BCRYPTD_STATS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define STATS_COSTS 32
#define STATS_BUCKETS 13 /* the longest list of bounds */

enum stats_route { STATS_GETHASH, STATS_HASH, STATS_VERIFY, STATS_OTHER, STATS_ROUTES };

/* Why a request was not computed. */
enum stats_shed {
    STATS_SHED_DEADLINE,    /* its wait and its hash would pass the deadline */
    STATS_SHED_QUEUE,       /* it waited longer than a standing queue allows */
    STATS_SHED_CLIENT_GONE, /* nobody is there to read the answer */
    STATS_SHEDS
};

enum stats_fcgi_error { STATS_FCGI_TIMEOUT, STATS_FCGI_PROTOCOL, STATS_FCGI_ERRORS };

enum stats_engine { STATS_LIBXCRYPT, STATS_LANES, STATS_ENGINES };

/* What a second computation of a hash by libxcrypt showed. */
enum stats_check { STATS_CHECK_EQUAL, STATS_CHECK_DIFFERENT, STATS_CHECKS };

/* Where the wrong hash was found that made a worker fall back to libxcrypt. */
enum stats_fallback { STATS_FALLBACK_START, STATS_FALLBACK_CROSS_CHECK, STATS_FALLBACKS };

enum stats_timing { STATS_QUEUE_WAIT, STATS_DURATION, STATS_HASH_DURATION, STATS_TIMINGS };

/* The statuses that the program answers with; 499 is nginx's number for a client that left. */
#define STATS_CODES 10
extern const unsigned stats_codes[STATS_CODES];

typedef _Atomic uint64_t stats_counter;

/* bucket[i] counts the values up to bounds[i], bucket[bounds] those above the last bound. */
struct stats_histogram {
    stats_counter bucket[STATS_BUCKETS + 1];
    stats_counter sum_ns;
};

struct stats {
    stats_counter requests[STATS_ROUTES][STATS_CODES];
    stats_counter shed[STATS_SHEDS];
    stats_counter fcgi_errors[STATS_FCGI_ERRORS];
    stats_counter submitted[STATS_ENGINES][STATS_COSTS];
    stats_counter completed[STATS_ENGINES][STATS_COSTS];
    stats_counter cross_checks[STATS_CHECKS];
    stats_counter fallbacks[STATS_FALLBACKS];
    struct stats_histogram timing[STATS_TIMINGS];
};

/* A histogram's upper bounds in milliseconds, ascending, and their number. */
const unsigned *stats_bounds_ms(enum stats_timing timing, size_t *ret_count);

const char *stats_route_name(enum stats_route route);
const char *stats_shed_name(enum stats_shed shed);
const char *stats_fcgi_error_name(enum stats_fcgi_error error);
const char *stats_engine_name(enum stats_engine engine);
const char *stats_check_name(enum stats_check check);
const char *stats_fallback_name(enum stats_fallback reason);

void stats_add(stats_counter *counter, uint64_t amount);
uint64_t stats_get(const stats_counter *counter);

/* Counts a reply; a status that is not in stats_codes counts as 500. */
void stats_count_request(struct stats *stats, enum stats_route route, unsigned status);

void stats_observe(struct stats *stats, enum stats_timing timing, uint64_t value_ns);

/* Adds every value of from to total. */
void stats_sum(struct stats *total, const struct stats *from);

/* All requests of stats, whatever their route and status. */
uint64_t stats_all_requests(const struct stats *stats);

#endif
