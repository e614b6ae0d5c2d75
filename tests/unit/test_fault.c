/* A fault in one place of the real lanes engine: found at the start, found while it runs, and no
 * wrong hash comes out of what is checked. */
#include "support.h"

#include "engine.h"
#include "log.h"

#include <crypt.h>
#include <unistd.h>

#define ROUNDS 4

static struct stats stats;

/* Opens an engine with all its lanes, every hash checked. A child each, as the fault is one of the
 * process. */
static struct engine *open_engine(unsigned place, unsigned after) {
    const struct engine_setup setup = {.reference = &engine_libxcrypt,
                                       .fast = &engine_lanes,
                                       .lanes = ENGINE_LANES_MAX,
                                       .check_every = 1,
                                       .stats = &stats};
    struct engine *engine = NULL;
    char fault[32];

    log_init(OPTIONS_LOG_JSON, LOG_EMERG);
    snprintf(fault, sizeof fault, "%u:%u", place, after);
    setenv("BCRYPTD_TEST_FAULT", fault, 1);
    EXPECT(engine_open(&setup, &engine) == 0);
    return engine;
}

static void submit(struct engine *engine, unsigned lane, unsigned number) {
    struct password password = {0};

    password.length = (size_t)snprintf(password.bytes, sizeof password.bytes, "word %u", number);
    engine_submit(engine, lane, &password, "$2b$04$abcdefghijklmnopqrstuu");
}

static bool is_right(const char *hash, unsigned number) {
    static struct crypt_data work;
    char word[32];

    snprintf(word, sizeof word, "word %u", number);
    return strcmp(hash, crypt_rn(word, hash, &work, sizeof work)) == 0;
}

/* All lanes, several times over. */
static void expect_only_right_hashes(struct engine *engine) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        const unsigned lanes = engine_lane_count(engine);
        unsigned rest = (1U << lanes) - 1;

        for (unsigned lane = 0; lane < lanes; lane++)
            submit(engine, lane, 10 * round + lane);
        while (rest != 0) {
            const unsigned finished = engine_step(engine);

            for (unsigned lane = 0; lane < lanes; lane++) {
                char hash[PASSWORD_HASH_LEN + 1];

                if ((finished & 1U << lane) == 0)
                    continue;
                EXPECT(engine_take(engine, lane, hash) == 0);
                EXPECT(is_right(hash, 10 * round + lane));
            }
            rest &= ~finished;
        }
    }
}

static int found_at_the_start(void *context) {
    struct engine *engine = open_engine(*(unsigned *)context, 0);

    EXPECT(stats_get(&stats.fallbacks[STATS_FALLBACK_START]) == 1);
    EXPECT(engine_label(engine) == STATS_LIBXCRYPT);
    expect_only_right_hashes(engine);
    engine_close(&engine);
    return 0;
}

static int found_while_it_runs(void *context) {
    struct engine *engine =
        open_engine(*(unsigned *)context, support_start_hashes(ENGINE_LANES_MAX));

    EXPECT(engine_label(engine) == STATS_LANES);
    expect_only_right_hashes(engine);
    EXPECT(stats_get(&stats.fallbacks[STATS_FALLBACK_START]) == 0);
    EXPECT(stats_get(&stats.fallbacks[STATS_FALLBACK_CROSS_CHECK]) == 1);
    EXPECT(stats_get(&stats.cross_checks[STATS_CHECK_DIFFERENT]) == 1);
    EXPECT(engine_label(engine) == STATS_LIBXCRYPT);
    engine_close(&engine);
    return 0;
}

static void for_every_place(int (*body)(void *context)) {
    for (unsigned place = 0; place < ENGINE_LANES_MAX; place++)
        assert_int_equal(support_fork(body, &place), 0);
}

static void test_fault_in_each_place_is_found_at_the_start(void **state) {
    (void)state;
    for_every_place(found_at_the_start);
}

static void test_fault_in_each_place_is_found_while_it_runs(void **state) {
    (void)state;
    for_every_place(found_while_it_runs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_in_each_place_is_found_at_the_start),
        cmocka_unit_test(test_fault_in_each_place_is_found_while_it_runs),
    };

    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
