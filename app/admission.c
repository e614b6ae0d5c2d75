#include "admission.h"

#include "clock.h"

#include <math.h>
#include <stdlib.h>

void admission_init(struct admission *admission, unsigned deadline_ms, unsigned target_ms,
                    unsigned interval_ms, unsigned ahead, uint64_t now_ns) {
    *admission = (struct admission){
        .deadline_ns = deadline_ms * CLOCK_NS_PER_MS,
        .target_ns = target_ms * CLOCK_NS_PER_MS,
        .interval_ns = interval_ms * CLOCK_NS_PER_MS,
        .ahead = ahead,
        .short_wait_ns = now_ns,
    };
}

void admission_observe(struct admission *admission, uint64_t wait_ns, uint64_t now_ns) {
    if (wait_ns <= admission->target_ns)
        admission->short_wait_ns = now_ns;
    admission->intervals = (unsigned)((now_ns - admission->short_wait_ns) / admission->interval_ns);
}

static uint64_t largest(uint64_t left, uint64_t right) {
    return left > right ? left : right;
}

static uint64_t shrink(uint64_t full_ns, unsigned intervals) {
    return (uint64_t)((double)full_ns / sqrt(1.0 + intervals));
}

enum admission_verdict admission_judge(const struct admission *admission, uint64_t wait_ns,
                                       uint64_t expected_ns) {
    const uint64_t full_ns =
        admission->deadline_ns > expected_ns ? admission->deadline_ns - expected_ns : 0;
    /* Within nginx's cap a request waits for no more; the half is for its jitter. */
    const uint64_t floor_ns =
        largest(admission->target_ns, admission->ahead * expected_ns + expected_ns / 2);

    if (wait_ns <= admission->target_ns)
        return ADMISSION_SERVE;
    if (wait_ns > full_ns)
        return ADMISSION_DEADLINE;
    if (wait_ns > largest(shrink(full_ns, admission->intervals), floor_ns))
        return ADMISSION_QUEUE;
    return ADMISSION_SERVE;
}

uint64_t admission_wait_ns(const char *start, uint64_t now_ms) {
    char *end = NULL;
    unsigned long long seconds;
    unsigned long long start_ms;

    if (start[0] < '0' || start[0] > '9')
        return 0;
    seconds = strtoull(start, &end, 10);
    if (*end != '.' || end[1] < '0' || end[1] > '9' || seconds > now_ms)
        return 0;
    start_ms = seconds * 1000 + strtoull(end + 1, &end, 10) % 1000;
    if (*end != '\0' || start_ms > now_ms)
        return 0;
    return (now_ms - start_ms) * CLOCK_NS_PER_MS;
}
