/* How far an engine trusts its fast part: at the start, while it runs, and after a wrong hash. */
#include "support.h"

#include "engine.h"
#include "log.h"

#include <crypt.h>
#include <errno.h>

#define SETTING "$2b$04$abcdefghijklmnopqrstuu"
#define LANES 4

/* A part of the test's own: right, but for what a test breaks in it. Finishes all its lanes in one
 * step. */
static struct fake {
    struct password password[ENGINE_LANES_MAX];
    char setting[ENGINE_LANES_MAX][PASSWORD_HASH_LEN + 1];
    unsigned active;
    unsigned taken; /* a bit for each lane */
    unsigned takes;
    unsigned closed;
    int open_result;
    unsigned wrong_lanes;  /* give another password's hash */
    unsigned wrong_count;  /* so do all, when just so many are active; 0: never */
    unsigned broken_lanes; /* fail to give one */
    unsigned right_takes;  /* before any of that */
    unsigned began_with;   /* lanes active at the last step */
} fake;

static int fake_open(void **ret) {
    *ret = &fake;
    return fake.open_result;
}

static void fake_close(void *state) {
    (void)state;
    fake.closed++;
}

static void fake_submit(void *state, unsigned lane, const struct password *password,
                        const char *setting) {
    (void)state;
    assert_int_equal(fake.active & 1U << lane, 0);
    fake.password[lane] = *password;
    snprintf(fake.setting[lane], sizeof fake.setting[lane], "%s", setting);
    fake.active |= 1U << lane;
}

static unsigned fake_step(void *state) {
    (void)state;
    fake.began_with = (unsigned)__builtin_popcount(fake.active);
    return fake.active;
}

static int fake_take(void *state, unsigned lane, char *ret_hash) {
    static struct crypt_data work;
    const bool may_fail = fake.takes++ >= fake.right_takes;

    (void)state;
    fake.active &= ~(1U << lane);
    fake.taken |= 1U << lane;
    if (may_fail && (fake.broken_lanes & 1U << lane) != 0)
        return -EIO;
    if (may_fail && ((fake.wrong_lanes & 1U << lane) != 0 || fake.wrong_count == fake.began_with))
        fake.password[lane].bytes[0] ^= 1;
    strcpy(ret_hash, crypt_rn(fake.password[lane].bytes, fake.setting[lane], &work, sizeof work));
    return 0;
}

static const struct engine_operations fake_part = {
    .label = STATS_LANES,
    .open = fake_open,
    .close = fake_close,
    .submit = fake_submit,
    .step = fake_step,
    .take = fake_take,
};

static struct stats stats;
static struct engine_setup setup;
static struct engine *engine;

static int set_up(void **state) {
    (void)state;
    log_init(OPTIONS_LOG_JSON, LOG_INFO);
    memset(&fake, 0, sizeof fake);
    memset(&stats, 0, sizeof stats);
    setup = (struct engine_setup){
        .reference = &engine_libxcrypt, .fast = &fake_part, .lanes = LANES, .stats = &stats};
    engine = NULL;
    support_capture();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    free(support_release());
    engine_close(&engine);
    return 0;
}

static uint64_t fallbacks(void) {
    return stats_get(&stats.fallbacks[STATS_FALLBACK_START]) +
           stats_get(&stats.fallbacks[STATS_FALLBACK_CROSS_CHECK]);
}

static void open_with_a_fault_after_the_start(void) {
    fake.right_takes = support_start_hashes(LANES);
    assert_int_equal(engine_open(&setup, &engine), 0);
    assert_int_equal(fake.takes, support_start_hashes(LANES));
    assert_int_equal(fallbacks(), 0);
}

static void submit(unsigned lane, const char *text) {
    struct password password = {.length = strlen(text)};

    strcpy(password.bytes, text);
    engine_submit(engine, lane, &password, SETTING);
}

static void expect_right(unsigned lane, const char *text) {
    static struct crypt_data work;
    char hash[PASSWORD_HASH_LEN + 1];

    assert_int_equal(engine_take(engine, lane, hash), 0);
    assert_string_equal(hash, crypt_rn(text, SETTING, &work, sizeof work));
}

static void expect_fallen_back(enum stats_fallback reason) {
    assert_int_equal(fallbacks(), 1);
    assert_int_equal(stats_get(&stats.fallbacks[reason]), 1);
    assert_int_equal(fake.closed, 1);
    assert_int_equal(engine_lane_count(engine), 1);
    assert_int_equal(engine_label(engine), STATS_LIBXCRYPT);
}

static void test_every_lane_is_checked_at_the_start(void **state) {
    (void)state;
    assert_int_equal(engine_open(&setup, &engine), 0);
    assert_int_equal(fake.taken, (1U << LANES) - 1);
    assert_int_equal(fake.takes, support_start_hashes(LANES));
    assert_int_equal(fake.closed, 0);
    assert_int_equal(engine_lane_count(engine), LANES);
    assert_int_equal(engine_label(engine), STATS_LANES);
    engine_close(&engine);
    assert_int_equal(fake.closed, 1);
}

static void test_start_asks_all_questions_of_few_lanes_too(void **state) {
    const unsigned lanes = setup.lanes;

    (void)state;
    setup.lanes = 1;
    assert_int_equal(engine_open(&setup, &engine), 0);
    assert_int_equal(fake.takes, 4 + 1);
    setup.lanes = lanes;
}

static void test_wrong_lane_is_found_at_the_start(void **state) {
    (void)state;
    for (unsigned lane = 0; lane < LANES; lane++) {
        set_up(NULL);
        fake.wrong_lanes = 1U << lane;
        assert_int_equal(engine_open(&setup, &engine), 0);
        expect_fallen_back(STATS_FALLBACK_START);
        submit(0, "word");
        assert_int_equal(engine_step(engine), 1);
        expect_right(0, "word");
        tear_down(NULL);
    }
}

/* A kernel for so many lanes that is wrong in itself. */
static void test_wrong_number_of_lanes_is_found_at_the_start(void **state) {
    (void)state;
    for (unsigned count = 1; count <= LANES; count++) {
        set_up(NULL);
        fake.wrong_count = count;
        assert_int_equal(engine_open(&setup, &engine), 0);
        expect_fallen_back(STATS_FALLBACK_START);
        tear_down(NULL);
    }
}

static void test_lane_that_fails_counts_as_wrong(void **state) {
    (void)state;
    fake.broken_lanes = 2;
    assert_int_equal(engine_open(&setup, &engine), 0);
    expect_fallen_back(STATS_FALLBACK_START);
}

static void test_fast_part_without_memory_does_not_open(void **state) {
    (void)state;
    fake.open_result = -ENOMEM;
    assert_int_equal(engine_open(&setup, &engine), -ENOMEM);
    assert_null(engine);
    assert_int_equal(fallbacks(), 0);
}

static void test_wrong_reference_does_not_open(void **state) {
    (void)state;
    setup.reference = &fake_part;
    setup.fast = NULL;
    fake.wrong_lanes = 1;
    assert_int_equal(engine_open(&setup, &engine), -EBADMSG);
    assert_null(engine);
    assert_int_equal(fake.closed, 1);
    fake.wrong_lanes = 0;
    fake.broken_lanes = 1;
    assert_int_equal(engine_open(&setup, &engine), -EIO);
    assert_null(engine);
}

static void test_hash_that_is_right_is_confirmed(void **state) {
    (void)state;
    setup.check_every = 1;
    assert_int_equal(engine_open(&setup, &engine), 0);
    for (unsigned i = 0; i < 3; i++) {
        submit(i, "word");
        assert_int_equal(engine_step(engine), 1U << i);
        expect_right(i, "word");
    }
    assert_int_equal(stats_get(&stats.cross_checks[STATS_CHECK_EQUAL]), 3);
    assert_int_equal(stats_get(&stats.cross_checks[STATS_CHECK_DIFFERENT]), 0);
    assert_int_equal(engine_lane_count(engine), LANES);
}

static void test_no_check_lets_a_wrong_hash_through(void **state) {
    static struct crypt_data work;
    char hash[PASSWORD_HASH_LEN + 1];

    (void)state;
    fake.wrong_lanes = 1;
    open_with_a_fault_after_the_start();
    submit(0, "word");
    assert_int_equal(engine_step(engine), 1);
    assert_int_equal(engine_take(engine, 0, hash), 0);
    assert_string_not_equal(hash, crypt_rn("word", SETTING, &work, sizeof work));
    assert_int_equal(fallbacks(), 0);
}

/* What was finished with the wrong one and what is asked later are right as well. */
static void test_wrong_hash_is_replaced_and_all_others_are_computed_again(void **state) {
    static const char *const words[LANES] = {"zero", "one", "two", "three"};
    unsigned order = 0;

    (void)state;
    setup.check_every = 1;
    fake.wrong_lanes = 1U << 2;
    open_with_a_fault_after_the_start();
    for (unsigned lane = LANES; lane-- > 0;)
        submit(lane, words[lane]);
    assert_int_equal(engine_step(engine), (1U << LANES) - 1);
    expect_right(3, words[3]);
    assert_int_equal(fallbacks(), 0);
    expect_right(2, words[2]);
    expect_fallen_back(STATS_FALLBACK_CROSS_CHECK);
    assert_int_equal(stats_get(&stats.cross_checks[STATS_CHECK_DIFFERENT]), 1);
    /* Finished in the same step, taken from a part that is gone. */
    expect_right(0, words[0]);
    submit(2, words[2]);
    submit(3, words[3]);
    /* The oldest first. */
    for (unsigned lane = 1; lane < LANES; lane++) {
        assert_int_equal(engine_step(engine), 1U << lane);
        expect_right(lane, words[lane]);
        order++;
    }
    assert_int_equal(order, LANES - 1);
    assert_int_equal(engine_step(engine), 0);
    assert_int_equal(stats_get(&stats.submitted[STATS_LANES][4]), LANES);
    assert_int_equal(stats_get(&stats.completed[STATS_LANES][4]), LANES);
    assert_int_equal(stats_get(&stats.submitted[STATS_LIBXCRYPT][4]), 2);
    assert_int_equal(stats_get(&stats.completed[STATS_LIBXCRYPT][4]), 2);
    assert_int_equal(fallbacks(), 1);
}

static void test_failure_of_a_lane_is_found_too(void **state) {
    (void)state;
    setup.check_every = 1;
    fake.broken_lanes = 1;
    open_with_a_fault_after_the_start();
    submit(0, "word");
    assert_int_equal(engine_step(engine), 1);
    expect_right(0, "word");
    expect_fallen_back(STATS_FALLBACK_CROSS_CHECK);
}

static void test_about_one_in_so_many_is_checked(void **state) {
    enum { HASHES = 500, EVERY = 5 };
    uint64_t checks;

    (void)state;
    setup.check_every = EVERY;
    assert_int_equal(engine_open(&setup, &engine), 0);
    for (unsigned i = 0; i < HASHES; i++) {
        submit(0, "word");
        engine_step(engine);
        expect_right(0, "word");
    }
    checks = stats_get(&stats.cross_checks[STATS_CHECK_EQUAL]);
    /* Seven standard deviations (8.9) on each side of 100. */
    assert_in_range(checks, 37, 163);
}

static void test_fallback_is_logged_as_critical(void **state) {
    char *text;

    (void)state;
    fake.wrong_lanes = 1;
    assert_int_equal(engine_open(&setup, &engine), 0);
    text = support_release();
    assert_non_null(strstr(text, "\"event.name\":\"engine_fallback\""));
    assert_non_null(strstr(text, "\"bcryptd.found_by\":\"start\""));
    assert_non_null(strstr(text, "\"bcryptd.engine\":\"lanes\""));
    assert_non_null(strstr(text, "\"severity_text\":\"FATAL\""));
    free(text);
    support_capture();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_every_lane_is_checked_at_the_start),
        TEST(test_start_asks_all_questions_of_few_lanes_too),
        cmocka_unit_test(test_wrong_lane_is_found_at_the_start),
        cmocka_unit_test(test_wrong_number_of_lanes_is_found_at_the_start),
        TEST(test_lane_that_fails_counts_as_wrong),
        TEST(test_fast_part_without_memory_does_not_open),
        TEST(test_wrong_reference_does_not_open),
        TEST(test_hash_that_is_right_is_confirmed),
        TEST(test_no_check_lets_a_wrong_hash_through),
        TEST(test_wrong_hash_is_replaced_and_all_others_are_computed_again),
        TEST(test_failure_of_a_lane_is_found_too),
        TEST(test_about_one_in_so_many_is_checked),
        TEST(test_fallback_is_logged_as_critical),
    };

    return cmocka_run_group_tests_name("engine_trust", tests, NULL, NULL);
}
