#include "stats.h"

#include "clock.h"

const unsigned stats_codes[STATS_CODES] = {200, 400, 404, 405, 413, 415, 422, 499, 500, 503};

static const unsigned duration_bounds_ms[] = {25,  50,  75,  100, 150,  200, 250,
                                              300, 400, 500, 750, 1000, 2000};
static const unsigned wait_bounds_ms[] = {1, 5, 10, 25, 50, 100, 250, 500, 1000};

const unsigned *stats_bounds_ms(enum stats_timing timing, size_t *ret_count) {
    if (timing == STATS_QUEUE_WAIT) {
        *ret_count = sizeof wait_bounds_ms / sizeof wait_bounds_ms[0];
        return wait_bounds_ms;
    }
    *ret_count = sizeof duration_bounds_ms / sizeof duration_bounds_ms[0];
    return duration_bounds_ms;
}

const char *stats_route_name(enum stats_route route) {
    static const char *const names[STATS_ROUTES] = {"gethash", "hash", "verify", "other"};

    return names[route];
}

const char *stats_shed_name(enum stats_shed shed) {
    static const char *const names[STATS_SHEDS] = {"deadline", "queue", "client_gone"};

    return names[shed];
}

const char *stats_fcgi_error_name(enum stats_fcgi_error error) {
    static const char *const names[STATS_FCGI_ERRORS] = {"timeout", "protocol"};

    return names[error];
}

const char *stats_engine_name(enum stats_engine engine) {
    static const char *const names[STATS_ENGINES] = {"libxcrypt", "lanes"};

    return names[engine];
}

const char *stats_check_name(enum stats_check check) {
    static const char *const names[STATS_CHECKS] = {"equal", "different"};

    return names[check];
}

const char *stats_fallback_name(enum stats_fallback reason) {
    static const char *const names[STATS_FALLBACKS] = {"start", "cross_check"};

    return names[reason];
}

void stats_add(stats_counter *counter, uint64_t amount) {
    /* One writer a counter: a plain read and write are enough, and cheaper than a locked add. */
    const uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + amount, memory_order_relaxed);
}

uint64_t stats_get(const stats_counter *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void stats_count_request(struct stats *stats, enum stats_route route, unsigned status) {
    size_t internal = 0;

    for (size_t i = 0; i < STATS_CODES; i++) {
        if (stats_codes[i] == status) {
            stats_add(&stats->requests[route][i], 1);
            return;
        }
        if (stats_codes[i] == 500)
            internal = i;
    }
    stats_add(&stats->requests[route][internal], 1);
}

void stats_observe(struct stats *stats, enum stats_timing timing, uint64_t value_ns) {
    struct stats_histogram *histogram = &stats->timing[timing];
    size_t count;
    const unsigned *bounds = stats_bounds_ms(timing, &count);
    size_t i = 0;

    while (i < count && value_ns > bounds[i] * CLOCK_NS_PER_MS)
        i++;
    stats_add(&histogram->bucket[i], 1);
    stats_add(&histogram->sum_ns, value_ns);
}

void stats_sum(struct stats *total, const struct stats *from) {
    /* struct stats is counters from its first byte to its last. */
    stats_counter *to = (stats_counter *)(void *)total;
    const stats_counter *values = (const stats_counter *)(const void *)from;

    _Static_assert(sizeof(struct stats) % sizeof(stats_counter) == 0, "counters only");
    for (size_t i = 0; i < sizeof(struct stats) / sizeof(stats_counter); i++)
        stats_add(&to[i], stats_get(&values[i]));
}

uint64_t stats_all_requests(const struct stats *stats) {
    uint64_t sum = 0;

    for (size_t route = 0; route < STATS_ROUTES; route++)
        for (size_t code = 0; code < STATS_CODES; code++)
            sum += stats_get(&stats->requests[route][code]);
    return sum;
}
