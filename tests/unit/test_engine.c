#include "support.h"

#include "engine.h"

#include <crypt.h>
#include <errno.h>

/* Each test runs with libxcrypt alone and with each number of lanes. */
static struct engine_setup setup;
static struct stats stats;

static struct engine *open_engine(void) {
    struct engine *engine = NULL;

    assert_int_equal(engine_open(&setup, &engine), 0);
    assert_non_null(engine);
    return engine;
}

static void run_with_every_engine(void (*test)(void)) {
    for (unsigned lanes = 0; lanes <= ENGINE_LANES_MAX; lanes++) {
        setup = (struct engine_setup){
            .reference = &engine_libxcrypt,
            .fast = lanes > 0 ? &engine_lanes : NULL,
            .lanes = lanes,
            .stats = &stats,
        };
        memset(&stats, 0, sizeof stats);
        test();
    }
}

static struct password password_of(const char *bytes) {
    struct password password = {0};
    struct problem problem = {0};

    assert_int_equal(password_set(&password, bytes, strlen(bytes), &problem), 0);
    return password;
}

/* Computes one hash in a lane. */
static int compute(struct engine *engine, unsigned lane, const char *bytes, const char *setting,
                   char ret_hash[static PASSWORD_HASH_LEN + 1]) {
    const struct password password = password_of(bytes);

    engine_submit(engine, lane, &password, setting);
    while ((engine_step(engine) & (1U << lane)) == 0)
        continue;
    return engine_take(engine, lane, ret_hash);
}

static void opens_closes_and_clears(void) {
    struct engine *engine = open_engine();

    assert_int_equal(engine_lane_count(engine), setup.fast != NULL ? setup.lanes : 1);
    assert_int_equal(engine_label(engine), setup.fast != NULL ? STATS_LANES : STATS_LIBXCRYPT);
    assert_true(engine_cost4_ns(engine) > 0);
    engine_close(&engine);
    assert_null(engine);
    engine_close(&engine);
}

static void idle_lanes_finish_nothing(void) {
    struct engine *engine = open_engine();

    assert_int_equal(engine_step(engine), 0);
    engine_close(&engine);
}

/* Every kind, cost and length against the library itself. */
static void hashes_equal_those_of_the_library(void) {
    static const char *const passwords[] = {
        "a",
        "correct horse battery staple",
        ("\xff\xa3"
         "345"),
        "\xc3\xa9",
        "\x01\x7f\x80\xff",
        "U*U*U",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567",
    };
    static const char *const settings[] = {
        "$2a$04$abcdefghijklmnopqrstuu", "$2b$04$......................",
        "$2y$04$9999999999999999999999", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.",
        "$2a$04$/OK.fbVrR/bpIqNJ5ianF.", "$2y$04$/OK.fbVrR/bpIqNJ5ianF.",
    };
    struct engine *engine = open_engine();
    struct crypt_data work = {0};

    for (unsigned lane = 0; lane < engine_lane_count(engine); lane++) {
        for (size_t i = 0; i < COUNT(passwords); i++) {
            for (size_t j = 0; j < COUNT(settings); j++) {
                char hash[PASSWORD_HASH_LEN + 1];
                const char *expected;

                assert_int_equal(compute(engine, lane, passwords[i], settings[j], hash), 0);
                expected = crypt_rn(passwords[i], settings[j], &work, sizeof work);
                assert_non_null(expected);
                assert_string_equal(hash, expected);
            }
        }
    }
    engine_close(&engine);
}

static void whole_hash_serves_as_setting(void) {
    static const char stored[] = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK";
    struct engine *engine = open_engine();
    char hash[PASSWORD_HASH_LEN + 1];

    assert_int_equal(compute(engine, 0, "U*U", stored, hash), 0);
    assert_string_equal(hash, stored);
    assert_int_equal(compute(engine, 0, "U*V", stored, hash), 0);
    assert_string_not_equal(hash, stored);
    engine_close(&engine);
}

/* A lane must not remember the one before: neither a longer setting nor a failure. */
static void lane_starts_afresh(void) {
    struct engine *engine = open_engine();
    char hash[PASSWORD_HASH_LEN + 1] = "untouched";

    assert_int_equal(compute(engine, 0, "U*U",
                             "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK", hash),
                     0);
    strcpy(hash, "untouched");
    assert_int_equal(compute(engine, 0, "U*U", "$2b$04$", hash), -EINVAL);
    assert_string_equal(hash, "untouched");
    assert_int_equal(compute(engine, 0, "U*U", "$2b$04$CCCCCCCCCCCCCCCCCCCCC.", hash), 0);
    assert_string_equal(hash, "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK");
    engine_close(&engine);
}

static void setting_of_another_method_is_refused(void) {
    static const char *const settings[] = {
        "",
        "*0",
        "x",
        "$1$saltsalt",
        "$6$saltsaltsaltsalt",
        "$2$04$CCCCCCCCCCCCCCCCCCCCC.",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.",
        "$2b$32$CCCCCCCCCCCCCCCCCCCCC.",
    };
    struct engine *engine = open_engine();

    for (size_t i = 0; i < COUNT(settings); i++) {
        char hash[PASSWORD_HASH_LEN + 1];

        if (compute(engine, 0, "p", settings[i], hash) != -EINVAL)
            fail_msg("\"%s\" gives a hash", settings[i]);
    }
    engine_close(&engine);
}

/* As many at once as there are lanes, of different costs; the cheap ones come out first. */
static void lanes_work_at_once(void) {
    struct engine *engine = open_engine();
    const unsigned lanes = engine_lane_count(engine);
    const struct password password = password_of("pass");
    struct crypt_data work = {0};
    unsigned finished = 0;

    for (unsigned lane = 0; lane < lanes; lane++)
        engine_submit(engine, lane, &password,
                      lane % 2 == 0 ? "$2b$06$abcdefghijklmnopqrstuu"
                                    : "$2y$04$abcdefghijklmnopqrstuu");
    for (unsigned rest = lanes; rest > 0;) {
        const unsigned now = engine_step(engine);

        for (unsigned lane = 0; lane < lanes; lane++) {
            char hash[PASSWORD_HASH_LEN + 1];

            if ((now & 1U << lane) == 0)
                continue;
            assert_int_equal(engine_take(engine, lane, hash), 0);
            assert_string_equal(hash, crypt_rn("pass", hash, &work, sizeof work));
            /* libxcrypt works in the order of asking. */
            if (lane % 2 == 0 && setup.fast != NULL)
                assert_true((finished & 0xaa) == (0xaa & ((1U << lanes) - 1)));
            finished |= 1U << lane;
            rest--;
        }
    }
    assert_int_equal(finished, (1U << lanes) - 1);
    engine_close(&engine);
}

/* A lane that was taken is used again while the others go on. */
static void lanes_are_refilled_between_steps(void) {
    struct engine *engine = open_engine();
    const unsigned lanes = engine_lane_count(engine);
    const struct password password = password_of("pass");
    unsigned answers[ENGINE_LANES_MAX] = {0};
    unsigned active = 0;

    for (unsigned done = 0; done < 6 * lanes;) {
        unsigned now;

        for (unsigned lane = 0; lane < lanes; lane++) {
            if ((active & 1U << lane) != 0)
                continue;
            engine_submit(engine, lane, &password, "$2b$04$abcdefghijklmnopqrstuu");
            active |= 1U << lane;
        }
        now = engine_step(engine);
        for (unsigned lane = 0; lane < lanes; lane++) {
            char hash[PASSWORD_HASH_LEN + 1];

            if ((now & 1U << lane) == 0)
                continue;
            assert_int_equal(engine_take(engine, lane, hash), 0);
            assert_string_equal(hash,
                                "$2b$04$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6");
            active &= ~(1U << lane);
            answers[lane]++;
            done++;
        }
    }
    for (unsigned lane = 0; lane < lanes; lane++)
        assert_true(answers[lane] >= 5);
    engine_close(&engine);
}

static void hashes_are_counted_by_engine_and_cost(void) {
    struct engine *engine = open_engine();
    const enum stats_engine label = engine_label(engine);
    char hash[PASSWORD_HASH_LEN + 1];

    assert_int_equal(compute(engine, 0, "p", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.", hash), 0);
    assert_int_equal(compute(engine, 0, "p", "$2b$04$CCCCCCCCCCCCCCCCCCCCC.", hash), 0);
    assert_int_equal(compute(engine, 0, "p", "$2b$04$", hash), -EINVAL);
    assert_int_equal(stats_get(&stats.submitted[label][5]), 1);
    assert_int_equal(stats_get(&stats.completed[label][5]), 1);
    assert_int_equal(stats_get(&stats.submitted[label][4]), 1);
    assert_int_equal(stats_get(&stats.completed[label][4]), 1);
    assert_int_equal(stats_get(&stats.completed[label][0]), 0);
    engine_close(&engine);
}

static void test_opens_closes_and_clears(void **state) {
    (void)state;
    run_with_every_engine(opens_closes_and_clears);
}

static void test_idle_lanes_finish_nothing(void **state) {
    (void)state;
    run_with_every_engine(idle_lanes_finish_nothing);
}

static void test_hashes_equal_those_of_the_library(void **state) {
    (void)state;
    run_with_every_engine(hashes_equal_those_of_the_library);
}

static void test_whole_hash_serves_as_setting(void **state) {
    (void)state;
    run_with_every_engine(whole_hash_serves_as_setting);
}

static void test_lane_starts_afresh(void **state) {
    (void)state;
    run_with_every_engine(lane_starts_afresh);
}

static void test_setting_of_another_method_is_refused(void **state) {
    (void)state;
    run_with_every_engine(setting_of_another_method_is_refused);
}

static void test_lanes_work_at_once(void **state) {
    (void)state;
    run_with_every_engine(lanes_work_at_once);
}

static void test_lanes_are_refilled_between_steps(void **state) {
    (void)state;
    run_with_every_engine(lanes_are_refilled_between_steps);
}

static void test_hashes_are_counted_by_engine_and_cost(void **state) {
    (void)state;
    run_with_every_engine(hashes_are_counted_by_engine_and_cost);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_closes_and_clears),
        cmocka_unit_test(test_idle_lanes_finish_nothing),
        cmocka_unit_test(test_hashes_equal_those_of_the_library),
        cmocka_unit_test(test_whole_hash_serves_as_setting),
        cmocka_unit_test(test_lane_starts_afresh),
        cmocka_unit_test(test_setting_of_another_method_is_refused),
        cmocka_unit_test(test_lanes_work_at_once),
        cmocka_unit_test(test_lanes_are_refilled_between_steps),
        cmocka_unit_test(test_hashes_are_counted_by_engine_and_cost),
    };

    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
