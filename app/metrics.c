#include "metrics.h"

#include "clock.h"
#include "version.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct writer {
    FILE *out;
    enum metrics_format format;
};

const char *metrics_content_type(enum metrics_format format) {
    return format == METRICS_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

enum metrics_format metrics_choose(const char *accept) {
    return strstr(accept, "application/openmetrics-text") != NULL ? METRICS_OPENMETRICS
                                                                  : METRICS_PROMETHEUS;
}

/* Starts a family. OpenMetrics names a counter's family without the _total of its samples. */
static void family(const struct writer *writer, const char *name, const char *type,
                   const char *help) {
    int length = (int)strlen(name);

    if (writer->format == METRICS_OPENMETRICS && strcmp(type, "counter") == 0)
        length -= (int)strlen("_total");
    fprintf(writer->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", length, name, help, length, name,
            type);
}

static void gauge(const struct writer *writer, const char *name, uint64_t value, const char *help) {
    family(writer, name, "gauge", help);
    fprintf(writer->out, "%s %" PRIu64 "\n", name, value);
}

/* Nanoseconds as seconds, exactly. */
static void print_seconds(FILE *out, uint64_t ns) {
    fprintf(out, "%" PRIu64 ".%09" PRIu64 "\n", ns / CLOCK_NS_PER_S, ns % CLOCK_NS_PER_S);
}

static void write_requests(const struct writer *writer, const struct stats *stats) {
    family(writer, "bcryptd_requests_total", "counter",
           "Requests that a worker took up, by route and status; 499 is a client that left.");
    for (size_t route = 0; route < STATS_ROUTES; route++)
        for (size_t i = 0; i < STATS_CODES; i++)
            fprintf(writer->out, "bcryptd_requests_total{route=\"%s\",code=\"%u\"} %" PRIu64 "\n",
                    stats_route_name((enum stats_route)route), stats_codes[i],
                    stats_get(&stats->requests[route][i]));
}

static void write_sheds(const struct writer *writer, const struct stats *stats) {
    family(writer, "bcryptd_shed_total", "counter",
           "Requests refused or dropped by a worker without a hash, by reason.");
    for (size_t i = 0; i < STATS_SHEDS; i++)
        fprintf(writer->out, "bcryptd_shed_total{reason=\"%s\"} %" PRIu64 "\n",
                stats_shed_name((enum stats_shed)i), stats_get(&stats->shed[i]));
    family(writer, "bcryptd_fcgi_errors_total", "counter",
           "Connections that did not carry a FastCGI request, by reason.");
    for (size_t i = 0; i < STATS_FCGI_ERRORS; i++)
        fprintf(writer->out, "bcryptd_fcgi_errors_total{reason=\"%s\"} %" PRIu64 "\n",
                stats_fcgi_error_name((enum stats_fcgi_error)i), stats_get(&stats->fcgi_errors[i]));
}

/* A line for each cost in the allowed range, and for any other that was seen. */
static void write_costs(const struct writer *writer, const char *name, const char *help,
                        const stats_counter (*counters)[STATS_COSTS],
                        const struct options *options) {
    family(writer, name, "counter", help);
    for (size_t engine = 0; engine < STATS_ENGINES; engine++) {
        for (unsigned cost = 0; cost < STATS_COSTS; cost++) {
            const uint64_t value = stats_get(&counters[engine][cost]);

            if (value == 0 && (cost < options->min_cost || cost > options->max_cost))
                continue;
            fprintf(writer->out, "%s{engine=\"%s\",cost=\"%u\"} %" PRIu64 "\n", name,
                    stats_engine_name((enum stats_engine)engine), cost, value);
        }
    }
}

static void write_histogram(const struct writer *writer, const struct stats *stats,
                            enum stats_timing timing, const char *name, const char *help) {
    const struct stats_histogram *histogram = &stats->timing[timing];
    size_t count;
    const unsigned *bounds = stats_bounds_ms(timing, &count);
    uint64_t sum = 0;

    family(writer, name, "histogram", help);
    for (size_t i = 0; i < count; i++) {
        sum += stats_get(&histogram->bucket[i]);
        fprintf(writer->out, "%s_bucket{le=\"%u.%03u\"} %" PRIu64 "\n", name, bounds[i] / 1000,
                bounds[i] % 1000, sum);
    }
    sum += stats_get(&histogram->bucket[count]);
    fprintf(writer->out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", name, sum, name);
    print_seconds(writer->out, stats_get(&histogram->sum_ns));
    fprintf(writer->out, "%s_count %" PRIu64 "\n", name, sum);
}

static void write_workers(const struct writer *writer, const struct scoreboard *scoreboard,
                          const struct options *options) {
    uint64_t in_state[SCOREBOARD_STATES] = {0};
    uint64_t lanes = 0;
    uint64_t busy = 0;

    for (unsigned i = 1; i < scoreboard->slots; i++) {
        const struct scoreboard_slot *slot = &scoreboard->slot[i];

        in_state[scoreboard_get_state(slot)]++;
        if (!scoreboard_is_up(slot))
            continue;
        lanes += atomic_load_explicit(&slot->lanes, memory_order_relaxed);
        busy += atomic_load_explicit(&slot->lanes_busy, memory_order_relaxed);
    }
    family(writer, "bcryptd_workers", "gauge", "Worker processes by state.");
    for (size_t i = 0; i < SCOREBOARD_STATES; i++)
        fprintf(writer->out, "bcryptd_workers{state=\"%s\"} %" PRIu64 "\n",
                scoreboard_state_name((enum scoreboard_state)i), in_state[i]);
    gauge(writer, "bcryptd_workers_max", options->workers, "Worker processes there should be.");
    gauge(writer, "bcryptd_lanes", lanes, "Hashes that the workers can compute at once.");
    gauge(writer, "bcryptd_lane_occupancy", busy, "Hashes being computed now.");
}

static void write_trust(const struct writer *writer, const struct stats *stats,
                        const struct scoreboard *scoreboard) {
    uint64_t using[STATS_ENGINES] = {0};

    family(writer, "bcryptd_cross_checks_total", "counter",
           "Hashes of the lanes engine computed again by libxcrypt, by result.");
    for (size_t i = 0; i < STATS_CHECKS; i++)
        fprintf(writer->out, "bcryptd_cross_checks_total{result=\"%s\"} %" PRIu64 "\n",
                stats_check_name((enum stats_check)i), stats_get(&stats->cross_checks[i]));
    family(writer, "bcryptd_engine_fallbacks_total", "counter",
           "Workers that left the lanes engine for libxcrypt, by what found the wrong hash.");
    for (size_t i = 0; i < STATS_FALLBACKS; i++)
        fprintf(writer->out, "bcryptd_engine_fallbacks_total{found_by=\"%s\"} %" PRIu64 "\n",
                stats_fallback_name((enum stats_fallback)i), stats_get(&stats->fallbacks[i]));
    for (unsigned i = 1; i < scoreboard->slots; i++)
        if (scoreboard_is_up(&scoreboard->slot[i]))
            using[scoreboard_engine(&scoreboard->slot[i])]++;
    family(writer, "bcryptd_engine_workers", "gauge", "Workers that are up, by their engine now.");
    for (size_t i = 0; i < STATS_ENGINES; i++)
        fprintf(writer->out, "bcryptd_engine_workers{engine=\"%s\"} %" PRIu64 "\n",
                stats_engine_name((enum stats_engine)i), using[i]);
}

static void write_lifecycle(const struct writer *writer, const struct scoreboard *scoreboard) {
    const struct scoreboard_master *master = scoreboard->master;

    family(writer, "bcryptd_worker_starts_total", "counter",
           "Child processes started, the status process included.");
    fprintf(writer->out, "bcryptd_worker_starts_total %" PRIu64 "\n", stats_get(&master->starts));
    family(writer, "bcryptd_worker_exits_total", "counter",
           "Child processes ended, the status process included, by reason.");
    for (size_t i = 0; i < SCOREBOARD_EXITS; i++)
        fprintf(writer->out, "bcryptd_worker_exits_total{reason=\"%s\"} %" PRIu64 "\n",
                scoreboard_exit_name((enum scoreboard_exit)i), stats_get(&master->exits[i]));
    gauge(writer, "bcryptd_draining", atomic_load_explicit(&master->draining, memory_order_relaxed),
          "1 while the service stops and finishes what it has.");
    family(writer, "bcryptd_start_time_seconds", "gauge", "Start of the master, Unix time.");
    fprintf(writer->out, "bcryptd_start_time_seconds %" PRIu64 ".%03u\n", master->started_ms / 1000,
            (unsigned)(master->started_ms % 1000));
}

static void write_queues(const struct writer *writer, const struct metrics_queue *queues,
                         size_t count) {
    family(writer, "bcryptd_listen_queue_depth", "gauge",
           "Connections that wait on a socket, asked from the kernel.");
    for (size_t i = 0; i < count; i++)
        if (queues[i].known)
            fprintf(writer->out, "bcryptd_listen_queue_depth{socket=\"%s\"} %" PRIu32 "\n",
                    queues[i].name, queues[i].depth);
    family(writer, "bcryptd_listen_queue_limit", "gauge", "Connections that may wait on a socket.");
    for (size_t i = 0; i < count; i++)
        if (queues[i].known)
            fprintf(writer->out, "bcryptd_listen_queue_limit{socket=\"%s\"} %" PRIu32 "\n",
                    queues[i].name, queues[i].limit);
}

static void write_option(void *context, const char *name, const char *unit, unsigned value) {
    const struct writer *writer = context;

    fprintf(writer->out, "bcryptd_option{name=\"%s\",unit=\"%s\"} %u\n", name, unit, value);
}

static void write_about(struct writer *writer, const struct options *options) {
    family(writer, "bcryptd_option", "gauge", "The numeric settings in force.");
    options_each_number(options, write_option, writer);
    family(writer, "bcryptd_build_info", "gauge", "Always 1; the version is in its label.");
    fprintf(writer->out, "bcryptd_build_info{version=\"%s\"} 1\n", BCRYPTD_VERSION);
}

static struct stats *sum_slots(const struct scoreboard *scoreboard) {
    struct stats *total = calloc(1, sizeof *total);

    if (total == NULL)
        return NULL;
    for (unsigned i = 0; i < scoreboard->slots; i++)
        stats_sum(total, &scoreboard->slot[i].stats);
    return total;
}

void metrics_write(FILE *out, enum metrics_format format, const struct scoreboard *scoreboard,
                   const struct options *options, const struct metrics_queue *queues,
                   size_t queue_count) {
    struct writer writer = {out, format};
    struct stats *total = sum_slots(scoreboard);

    if (total == NULL)
        return;
    write_requests(&writer, total);
    write_sheds(&writer, total);
    write_costs(&writer, "bcryptd_hashes_submitted_total",
                "Hashes given to an engine, by engine and cost.",
                (const stats_counter(*)[STATS_COSTS])total->submitted, options);
    write_costs(&writer, "bcryptd_hashes_total", "Hashes completed, by engine and cost.",
                (const stats_counter(*)[STATS_COSTS])total->completed, options);
    write_histogram(&writer, total, STATS_DURATION, "bcryptd_request_duration_seconds",
                    "From nginx taking the request up to its answer.");
    write_histogram(&writer, total, STATS_QUEUE_WAIT, "bcryptd_queue_wait_seconds",
                    "From nginx taking the request up to a worker reading it.");
    write_histogram(&writer, total, STATS_HASH_DURATION, "bcryptd_hash_duration_seconds",
                    "Computing one hash.");
    write_workers(&writer, scoreboard, options);
    write_trust(&writer, total, scoreboard);
    write_lifecycle(&writer, scoreboard);
    write_queues(&writer, queues, queue_count);
    write_about(&writer, options);
    if (format == METRICS_OPENMETRICS)
        fputs("# EOF\n", out);
    free(total);
}
