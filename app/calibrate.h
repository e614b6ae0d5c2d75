/* calibrate: how fast this machine computes with each number of lanes, and how many are best on it.
 * All CPUs that are asked for measure at the same time, each by a process of its own: hyper-threads
 * that share a core gain less from lanes, and only so that shows. */
#ifndef BCRYPTD_CALIBRATE_H
#define BCRYPTD_CALIBRATE_H

#include "engine.h"

#include <sched.h>
#include <stdbool.h>

/* Without a measurement. */
#define CALIBRATE_DEFAULT_LANES 4

/* Nanoseconds for a hash of the cost asked for, while all lanes compute; a mean over the CPUs. */
struct calibration {
    double reference_ns;                   /* libxcrypt; 0 when it was not asked for */
    double lanes_ns[ENGINE_LANES_MAX + 1]; /* by the number of lanes, from 1 on */
};

/* Measures on the CPUs of the set, at the niceness of this process. samples is how often each
 * number of lanes is tried (about a hundred microseconds each); the fastest try counts, as other
 * programs only ever slow it down. Returns 0 or -errno. */
int calibrate_measure(const cpu_set_t *cpus, unsigned cost, unsigned samples, bool with_reference,
                      struct calibration *ret);

/* The number of lanes that gives the most hashes a second, of those with which a hash takes at most
 * a quarter longer than with one. A gain of less than 2 % is not worth a lane. */
unsigned calibrate_choose(const struct calibration *calibration);

/* Measures for some milliseconds on all CPUs that this process may use, and chooses. Returns 0, or
 * -errno with CALIBRATE_DEFAULT_LANES chosen. */
int calibrate_lanes(unsigned *ret_lanes);

#endif
