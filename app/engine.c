#include "engine.h"

#include "engine_check.h"
#include "log.h"
#include "scrub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What was submitted; kept until it is taken, in case that it is computed again. */
struct lane {
    bool active;
    uint64_t order; /* grows with each submission */
    enum stats_engine label;
    unsigned cost;
    struct password password;
    char setting[PASSWORD_HASH_LEN + 1];
};

struct engine {
    struct engine_setup setup;
    void *reference;
    void *fast; /* NULL: there is none, or none that is trusted */
    uint64_t cost4_ns;
    uint64_t submitted;
    unsigned computed; /* the lane whose hash the reference holds, or ENGINE_LANES_MAX */
    struct lane lane[ENGINE_LANES_MAX];
};

static void close_fast(struct engine *engine) {
    if (engine->fast == NULL)
        return;
    engine->setup.fast->close(engine->fast);
    engine->fast = NULL;
}

/* Leaves everything to the reference from here on. */
static void fall_back(struct engine *engine, enum stats_fallback reason) {
    stats_add(&engine->setup.stats->fallbacks[reason], 1);
    log_event(LOG_CRIT, "engine_fallback",
              "the engine computed a wrong hash; this worker uses libxcrypt from here on",
              LOG_FIELDS(LOG_TEXT("engine", stats_engine_name(engine->setup.fast->label)),
                         LOG_TEXT("found_by", stats_fallback_name(reason))));
    close_fast(engine);
}

static int open_reference(struct engine *engine) {
    const int result = engine->setup.reference->open(&engine->reference);

    if (result < 0)
        return result;
    return engine_check_answers(engine->setup.reference, engine->reference, &engine->cost4_ns);
}

/* A fast part that is wrong is no reason not to serve. */
static int open_fast(struct engine *engine) {
    const struct engine_setup *setup = &engine->setup;
    uint64_t cost4_ns;
    int result = setup->fast->open(&engine->fast);

    if (result < 0)
        return result;
    result = engine_check_lanes(setup->fast, engine->fast, setup->lanes, setup->reference,
                                engine->reference, &cost4_ns);
    if (result == -EBADMSG) {
        fall_back(engine, STATS_FALLBACK_START);
        return 0;
    }
    if (result == 0)
        engine->cost4_ns = cost4_ns;
    return result;
}

int engine_open(const struct engine_setup *setup, struct engine **ret) {
    struct engine *engine = calloc(1, sizeof *engine);
    int result;

    if (engine == NULL)
        return -ENOMEM;
    engine->setup = *setup;
    engine->computed = ENGINE_LANES_MAX;
    result = open_reference(engine);
    if (result == 0 && setup->fast != NULL)
        result = open_fast(engine);
    if (result < 0) {
        engine_close(&engine);
        return result;
    }
    *ret = engine;
    return 0;
}

void engine_close(struct engine **engine) {
    if (*engine == NULL)
        return;
    close_fast(*engine);
    if ((*engine)->reference != NULL)
        (*engine)->setup.reference->close((*engine)->reference);
    scrub_memory(*engine, sizeof **engine);
    free(*engine);
    *engine = NULL;
}

unsigned engine_lane_count(const struct engine *engine) {
    return engine->fast != NULL ? engine->setup.lanes : 1;
}

enum stats_engine engine_label(const struct engine *engine) {
    return engine->fast != NULL ? engine->setup.fast->label : engine->setup.reference->label;
}

uint64_t engine_cost4_ns(const struct engine *engine) {
    return engine->cost4_ns;
}

/* The number in "$2b$12$", 0 when there is none. */
static unsigned cost_of(const char *setting) {
    unsigned cost = 0;

    if (strnlen(setting, PASSWORD_SETTING_LEN) < PASSWORD_SETTING_LEN)
        return 0;
    for (const char *digit = setting + 4; *digit >= '0' && *digit <= '9'; digit++)
        cost = cost * 10 + (unsigned)(*digit - '0');
    return cost < STATS_COSTS ? cost : 0;
}

void engine_submit(struct engine *engine, unsigned number, const struct password *password,
                   const char *setting) {
    struct lane *lane = &engine->lane[number];

    lane->active = true;
    lane->order = engine->submitted++;
    lane->label = engine_label(engine);
    lane->cost = cost_of(setting);
    lane->password = *password;
    strncpy(lane->setting, setting, PASSWORD_HASH_LEN);
    stats_add(&engine->setup.stats->submitted[lane->label][lane->cost], 1);
    if (engine->fast != NULL)
        engine->setup.fast->submit(engine->fast, number, password, setting);
}

/* The lane that waits for the longest; those that a fallback left behind are still in line. */
static unsigned oldest_lane(const struct engine *engine) {
    unsigned oldest = ENGINE_LANES_MAX;

    for (unsigned i = 0; i < ENGINE_LANES_MAX; i++)
        if (engine->lane[i].active &&
            (oldest == ENGINE_LANES_MAX || engine->lane[i].order < engine->lane[oldest].order))
            oldest = i;
    return oldest;
}

static void compute_by_reference(struct engine *engine, unsigned number) {
    const struct engine_operations *reference = engine->setup.reference;
    const struct lane *lane = &engine->lane[number];

    reference->submit(engine->reference, 0, &lane->password, lane->setting);
    while (reference->step(engine->reference) == 0)
        continue;
    engine->computed = number;
}

static int take_from_reference(struct engine *engine, unsigned number, char *ret_hash) {
    /* A lane that was finished when a fallback came has no hash any more. */
    if (engine->computed != number)
        compute_by_reference(engine, number);
    engine->computed = ENGINE_LANES_MAX;
    return engine->setup.reference->take(engine->reference, 0, ret_hash);
}

unsigned engine_step(struct engine *engine) {
    unsigned number;

    if (engine->fast != NULL)
        return engine->setup.fast->step(engine->fast);
    number = oldest_lane(engine);
    if (number == ENGINE_LANES_MAX)
        return 0;
    compute_by_reference(engine, number);
    return 1U << number;
}

static bool is_sampled(const struct engine *engine) {
    const unsigned every = engine->setup.check_every;
    uint32_t random = 0;

    /* Without a random number, every hash is. */
    if (every > 1 && getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return true;
    return every > 0 && random % every == 0;
}

/* Compares a lane's hash with the reference's, which counts when the two differ. */
static int cross_check(struct engine *engine, unsigned number, int result, char *hash) {
    char expected[PASSWORD_HASH_LEN + 1] = "";
    const int expected_result = take_from_reference(engine, number, expected);
    const bool equal = result == expected_result && (result < 0 || strcmp(hash, expected) == 0);

    stats_add(&engine->setup.stats->cross_checks[equal ? STATS_CHECK_EQUAL : STATS_CHECK_DIFFERENT],
              1);
    if (!equal) {
        fall_back(engine, STATS_FALLBACK_CROSS_CHECK);
        memcpy(hash, expected, sizeof expected);
    }
    scrub_memory(expected, sizeof expected);
    return expected_result;
}

int engine_take(struct engine *engine, unsigned number,
                char ret_hash[static PASSWORD_HASH_LEN + 1]) {
    struct lane *lane = &engine->lane[number];
    int result;

    if (engine->fast == NULL) {
        result = take_from_reference(engine, number, ret_hash);
    } else {
        result = engine->setup.fast->take(engine->fast, number, ret_hash);
        if (is_sampled(engine))
            result = cross_check(engine, number, result, ret_hash);
    }
    if (result == 0)
        stats_add(&engine->setup.stats->completed[lane->label][lane->cost], 1);
    scrub_memory(lane, sizeof *lane);
    return result;
}
