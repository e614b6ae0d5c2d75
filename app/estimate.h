/* estimate: how long a hash of each cost takes here and now, from those already computed. */
#ifndef BCRYPTD_ESTIMATE_H
#define BCRYPTD_ESTIMATE_H

#include "stats.h"

#include <stdint.h>

struct estimate {
    uint64_t expected_ns[STATS_COSTS];
};

/* Starts from one measured time at cost 4: a step of cost doubles it. */
void estimate_init(struct estimate *estimate, uint64_t cost4_ns);

/* Takes in a measured time, an eighth of it (an exponentially weighted mean). One outlier counts
 * as at most four times what was expected. */
void estimate_observe(struct estimate *estimate, unsigned cost, uint64_t measured_ns);

/* Expected time of a hash of this cost (0 to 31) in nanoseconds. */
uint64_t estimate_get(const struct estimate *estimate, unsigned cost);

#endif
