/* clock: the two clocks of the program, in the units it computes with. */
#ifndef BCRYPTD_CLOCK_H
#define BCRYPTD_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_MS UINT64_C(1000000)
#define CLOCK_NS_PER_S UINT64_C(1000000000)

/* Monotonic time in nanoseconds; the same for every process of the machine. */
uint64_t clock_monotonic_ns(void);

/* Wall-clock time in milliseconds since 1970, comparable with nginx's $msec. */
uint64_t clock_realtime_ms(void);

/* Writes the wall-clock time as RFC 3339 with milliseconds in UTC ("2024-01-31T23:59:59.123Z").
 * ret_text holds CLOCK_RFC3339_SIZE bytes. */
#define CLOCK_RFC3339_SIZE 32
void clock_format_now(char ret_text[static CLOCK_RFC3339_SIZE]);

#endif
