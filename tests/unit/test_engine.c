#include "support.h"

#include "engine.h"

#include <crypt.h>
#include <errno.h>

static struct engine *open_engine(void) {
    struct engine *engine = NULL;

    assert_int_equal(engine_open(&engine_libxcrypt, &engine), 0);
    assert_non_null(engine);
    return engine;
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

static void test_opens_closes_and_clears(void **state) {
    struct engine *engine = open_engine();

    (void)state;
    assert_in_range(engine_lanes(engine), 1, ENGINE_LANES_MAX);
    assert_int_equal(engine_label(engine), STATS_LIBXCRYPT);
    assert_true(engine_cost4_ns(engine) > 0);
    engine_close(&engine);
    assert_null(engine);
    engine_close(&engine);
}

static void test_idle_lanes_finish_nothing(void **state) {
    struct engine *engine = open_engine();

    (void)state;
    assert_int_equal(engine_step(engine), 0);
    engine_close(&engine);
}

/* Every kind, cost and length against the library itself. */
static void test_hashes_equal_those_of_the_library(void **state) {
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

    (void)state;
    for (unsigned lane = 0; lane < engine_lanes(engine); lane++) {
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

static void test_whole_hash_serves_as_setting(void **state) {
    static const char stored[] = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK";
    struct engine *engine = open_engine();
    char hash[PASSWORD_HASH_LEN + 1];

    (void)state;
    assert_int_equal(compute(engine, 0, "U*U", stored, hash), 0);
    assert_string_equal(hash, stored);
    assert_int_equal(compute(engine, 0, "U*V", stored, hash), 0);
    assert_string_not_equal(hash, stored);
    engine_close(&engine);
}

/* A lane must not remember the one before: neither a longer setting nor a failure. */
static void test_lane_starts_afresh(void **state) {
    struct engine *engine = open_engine();
    char hash[PASSWORD_HASH_LEN + 1] = "untouched";

    (void)state;
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

static void test_setting_of_another_method_is_refused(void **state) {
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

    (void)state;
    for (size_t i = 0; i < COUNT(settings); i++) {
        char hash[PASSWORD_HASH_LEN + 1];

        if (compute(engine, 0, "p", settings[i], hash) != -EINVAL)
            fail_msg("\"%s\" gives a hash", settings[i]);
    }
    engine_close(&engine);
}

/* An engine of the test's own: correct, but for what a test breaks in it. */
static struct {
    struct password password[2];
    char setting[2][PASSWORD_HASH_LEN + 1];
    unsigned active;
    unsigned taken;
    unsigned closed;
    int open_result;
    unsigned wrong_lanes;  /* answers with another password's hash */
    unsigned broken_lanes; /* fails to answer */
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
    fake.password[lane] = *password;
    snprintf(fake.setting[lane], sizeof fake.setting[lane], "%s", setting);
    fake.active |= 1U << lane;
}

static unsigned fake_step(void *state) {
    (void)state;
    return fake.active;
}

static int fake_take(void *state, unsigned lane, char *ret_hash) {
    static struct crypt_data work;

    (void)state;
    fake.active &= ~(1U << lane);
    fake.taken |= 1U << lane;
    if ((fake.broken_lanes & (1U << lane)) != 0)
        return -EIO;
    if ((fake.wrong_lanes & (1U << lane)) != 0)
        fake.password[lane].bytes[0]++;
    strcpy(ret_hash, crypt_rn(fake.password[lane].bytes, fake.setting[lane], &work, sizeof work));
    return 0;
}

static const struct engine_operations fake_engine = {
    .label = STATS_LIBXCRYPT,
    .lanes = 2,
    .open = fake_open,
    .close = fake_close,
    .submit = fake_submit,
    .step = fake_step,
    .take = fake_take,
};

static int clear_fake(void **state) {
    (void)state;
    memset(&fake, 0, sizeof fake);
    return 0;
}

static void test_every_lane_is_checked_at_the_start(void **state) {
    struct engine *engine = NULL;

    (void)state;
    assert_int_equal(engine_open(&fake_engine, &engine), 0);
    assert_int_equal(fake.taken, 3);
    assert_int_equal(fake.closed, 0);
    engine_close(&engine);
    assert_int_equal(fake.closed, 1);
}

static void test_engine_with_a_wrong_lane_does_not_open(void **state) {
    (void)state;
    for (unsigned lane = 0; lane < 2; lane++) {
        struct engine *engine = NULL;

        memset(&fake, 0, sizeof fake);
        fake.wrong_lanes = 1U << lane;
        assert_int_equal(engine_open(&fake_engine, &engine), -EBADMSG);
        assert_null(engine);
        assert_int_equal(fake.closed, 1);
    }
}

static void test_engine_that_fails_does_not_open(void **state) {
    struct engine *engine = NULL;

    (void)state;
    fake.broken_lanes = 2;
    assert_int_equal(engine_open(&fake_engine, &engine), -EIO);
    assert_null(engine);
    assert_int_equal(fake.closed, 1);
    fake.open_result = -ENOMEM;
    assert_int_equal(engine_open(&fake_engine, &engine), -ENOMEM);
    assert_null(engine);
    assert_int_equal(fake.closed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_closes_and_clears),
        cmocka_unit_test(test_idle_lanes_finish_nothing),
        cmocka_unit_test(test_hashes_equal_those_of_the_library),
        cmocka_unit_test(test_whole_hash_serves_as_setting),
        cmocka_unit_test(test_lane_starts_afresh),
        cmocka_unit_test(test_setting_of_another_method_is_refused),
        cmocka_unit_test_setup(test_every_lane_is_checked_at_the_start, clear_fake),
        cmocka_unit_test(test_engine_with_a_wrong_lane_does_not_open),
        cmocka_unit_test_setup(test_engine_that_fails_does_not_open, clear_fake),
    };

    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
