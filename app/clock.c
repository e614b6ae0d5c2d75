#include "clock.h"

#include <stdio.h>
#include <time.h>

uint64_t clock_monotonic_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_realtime_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / CLOCK_NS_PER_MS;
}

void clock_format_now(char ret_text[static CLOCK_RFC3339_SIZE]) {
    const uint64_t now_ms = clock_realtime_ms();
    const time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char date[24];

    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(ret_text, CLOCK_RFC3339_SIZE, "%s.%03uZ", date, (unsigned)(now_ms % 1000));
}
