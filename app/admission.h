/* admission: whether a request that has waited is still worth its hash.
 *
 * A request is refused when its wait and its expected hash time pass the deadline. Under a
 * standing queue (no wait below the target for a whole interval) the allowed wait shrinks as
 * CoDel's does, full / sqrt(1 + n) after n intervals (Nichols and Jacobson, "Controlling Queue
 * Delay", ACM Queue 2012), down to the time that is needed within nginx's cap: a queue
 * that stands serves nobody, it only makes everyone late. A request that hardly waited is always
 * served, so a deadline below the hash time, or one slow hash, cannot shut the service. */
#ifndef BCRYPTD_ADMISSION_H
#define BCRYPTD_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

struct admission {
    uint64_t deadline_ns;
    uint64_t target_ns;
    uint64_t interval_ns;
    unsigned ahead;         /* hashes that a request may wait for within nginx's cap */
    uint64_t short_wait_ns; /* when a wait below the target was last seen */
    unsigned intervals;     /* for how many whole intervals the queue stands */
};

enum admission_verdict { ADMISSION_SERVE, ADMISSION_DEADLINE, ADMISSION_QUEUE };

/* ahead is how many hashes a request may have to wait for within nginx's cap, one after the other:
 * 1 for the one that frees its lane, 2 where that may be computed again. now_ns is
 * clock_monotonic_ns(), here and below. */
void admission_init(struct admission *admission, unsigned deadline_ms, unsigned target_ms,
                    unsigned interval_ms, unsigned ahead, uint64_t now_ns);

/* Notes that no request waits, or that one was taken up after wait_ns. */
void admission_observe(struct admission *admission, uint64_t wait_ns, uint64_t now_ns);

/* Judges a request that waited wait_ns for a hash of expected_ns. */
enum admission_verdict admission_judge(const struct admission *admission, uint64_t wait_ns,
                                       uint64_t expected_ns);

/* Nanoseconds since nginx took up a request. start is nginx's $msec ("1700000000.123"), now_ms
 * clock_realtime_ms(); 0 for a time that is missing, broken or in the future. */
uint64_t admission_wait_ns(const char *start, uint64_t now_ms);

#endif
