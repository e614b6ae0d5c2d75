#include "estimate.h"

#define LOWEST_COST 4
#define WEIGHT 8
#define OUTLIER 4

void estimate_init(struct estimate *estimate, uint64_t cost4_ns) {
    for (unsigned cost = 0; cost < STATS_COSTS; cost++)
        estimate->expected_ns[cost] =
            cost <= LOWEST_COST ? cost4_ns : cost4_ns << (cost - LOWEST_COST);
}

void estimate_observe(struct estimate *estimate, unsigned cost, uint64_t measured_ns) {
    const uint64_t expected = estimate->expected_ns[cost];

    if (measured_ns > expected * OUTLIER)
        measured_ns = expected * OUTLIER;
    estimate->expected_ns[cost] = expected - expected / WEIGHT + measured_ns / WEIGHT;
}

uint64_t estimate_get(const struct estimate *estimate, unsigned cost) {
    return estimate->expected_ns[cost];
}
