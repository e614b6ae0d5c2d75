#include "record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void add_time(struct record_times *times, unsigned lanes, uint64_t begin_ns,
                     uint64_t now_ns) {
    const uint64_t us = (now_ns - begin_ns) / 1000;

    if (times->count == times->room) {
        const size_t room = times->room == 0 ? 4096 : times->room * 2;
        uint32_t *grown = realloc(times->us, room * sizeof *grown);

        if (grown == NULL)
            abort();
        times->us = grown;
        times->room = room;
    }
    if (times->count < lanes)
        times->base_ns = now_ns;
    times->last_ns = now_ns;
    times->us[times->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void record_reply(struct record *record, unsigned status, bool has_retry_after, uint64_t begin_ns,
                  uint64_t now_ns) {
    const bool refused = status == 429 || status == 503;

    record->statuses[status < RECORD_STATUSES ? status : 0]++;
    if (refused && !has_retry_after)
        record->missing_retry_after++;
    if (now_ns < record->warm_ns)
        return;
    if (status == 200)
        add_time(&record->successes, record->lanes, begin_ns, now_ns);
    else if (refused)
        add_time(&record->refusals, 1, begin_ns, now_ns);
}

void record_error(struct record *record, enum record_error error) {
    record->errors[error]++;
}

static int compare(const void *left, const void *right) {
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

/* The smallest time that this share of all does not exceed, in milliseconds. */
static double quantile(const struct record_times *times, double share) {
    size_t rank = (size_t)(share * (double)times->count + 0.999999);

    if (rank > 0)
        rank--;
    return (double)times->us[rank < times->count ? rank : times->count - 1] / 1000;
}

static void print_times(const char *name, struct record_times *times, unsigned lanes) {
    const double span_s = (double)(times->last_ns - times->base_ns) / 1e9;
    const double count = (double)times->count - (double)lanes;

    printf(", \"%s\": {\"count\": %zu", name, times->count);
    if (times->count > 0) {
        qsort(times->us, times->count, sizeof *times->us, compare);
        printf(", \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f", quantile(times, 0.5),
               quantile(times, 0.99), quantile(times, 1));
    }
    printf(", \"per_s\": %.4f}", span_s > 0 ? count / span_s : 0);
}

static void print_statuses(const struct record *record) {
    const char *separator = "";

    printf(", \"statuses\": {");
    for (unsigned status = 0; status < RECORD_STATUSES; status++) {
        if (record->statuses[status] == 0)
            continue;
        printf("%s\"%u\": %" PRIu64, separator, status, record->statuses[status]);
        separator = ", ";
    }
    printf("}");
}

void record_print(struct record *record) {
    static const char *const names[RECORD_ERRORS] = {"connect", "closed", "broken", "timeout",
                                                     "unsent"};

    printf("{\"sent\": %" PRIu64 ", \"left\": %" PRIu64 ", \"missing_retry_after\": %" PRIu64,
           record->sent, record->left, record->missing_retry_after);
    print_statuses(record);
    printf(", \"errors\": {");
    for (unsigned i = 0; i < RECORD_ERRORS; i++)
        printf("%s\"%s\": %" PRIu64, i > 0 ? ", " : "", names[i], record->errors[i]);
    printf("}");
    print_times("successes", &record->successes, record->lanes);
    print_times("refusals", &record->refusals, 1);
    printf("}\n");
    free(record->successes.us);
    free(record->refusals.us);
}
