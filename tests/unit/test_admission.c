#include "support.h"

#include "admission.h"
#include "clock.h"

#include <math.h>

#define MS CLOCK_NS_PER_MS
#define DEADLINE_MS 1000
#define TARGET_MS 5
#define INTERVAL_MS 100
#define START (UINT64_C(1000) * MS)

static struct admission fresh(void) {
    struct admission admission;

    admission_init(&admission, DEADLINE_MS, TARGET_MS, INTERVAL_MS, 1, START);
    return admission;
}

/* After this many whole intervals in which no wait was short. */
static struct admission standing(unsigned intervals) {
    struct admission admission = fresh();

    admission_observe(&admission, 50 * MS, START + intervals * (INTERVAL_MS * MS));
    assert_int_equal(admission.intervals, intervals);
    return admission;
}

/* The longest wait that is still served. */
static uint64_t longest_served(const struct admission *admission, uint64_t expected_ns) {
    uint64_t served = 0;
    uint64_t refused = 2 * DEADLINE_MS * MS;

    assert_int_equal(admission_judge(admission, served, expected_ns), ADMISSION_SERVE);
    assert_int_not_equal(admission_judge(admission, refused, expected_ns), ADMISSION_SERVE);
    while (refused - served > 1) {
        const uint64_t middle = served + (refused - served) / 2;

        if (admission_judge(admission, middle, expected_ns) == ADMISSION_SERVE)
            served = middle;
        else
            refused = middle;
    }
    return served;
}

static void test_wait_and_hash_may_fill_the_deadline_but_not_pass_it(void **state) {
    const struct admission admission = fresh();

    (void)state;
    assert_int_equal(admission_judge(&admission, 750 * MS, 250 * MS), ADMISSION_SERVE);
    assert_int_equal(admission_judge(&admission, 750 * MS + 1, 250 * MS), ADMISSION_DEADLINE);
    assert_int_equal(admission_judge(&admission, 750 * MS, 250 * MS + 1), ADMISSION_DEADLINE);
}

static void test_short_wait_is_served_whatever_the_hash_takes(void **state) {
    const struct admission admission = fresh();
    const struct admission old = standing(100000);

    (void)state;
    assert_int_equal(admission_judge(&admission, TARGET_MS * MS, 3600 * CLOCK_NS_PER_S),
                     ADMISSION_SERVE);
    assert_int_equal(admission_judge(&old, TARGET_MS * MS, 3600 * CLOCK_NS_PER_S), ADMISSION_SERVE);
    assert_int_equal(admission_judge(&admission, TARGET_MS * MS + 1, 3600 * CLOCK_NS_PER_S),
                     ADMISSION_DEADLINE);
}

static void test_queue_stands_only_after_a_whole_interval(void **state) {
    struct admission admission = fresh();

    (void)state;
    admission_observe(&admission, TARGET_MS * MS + 1, START + INTERVAL_MS * MS - 1);
    assert_int_equal(admission.intervals, 0);
    admission_observe(&admission, TARGET_MS * MS + 1, START + INTERVAL_MS * MS);
    assert_int_equal(admission.intervals, 1);
    admission_observe(&admission, 900 * MS, START + 7 * INTERVAL_MS * MS + 1);
    assert_int_equal(admission.intervals, 7);
}

static void test_one_short_wait_ends_the_standing_queue(void **state) {
    static const uint64_t short_waits[] = {0, 1, TARGET_MS * MS};

    (void)state;
    for (size_t i = 0; i < COUNT(short_waits); i++) {
        struct admission admission = standing(50);
        const uint64_t now_ns = START + 50 * INTERVAL_MS * MS;

        assert_true(longest_served(&admission, 10 * MS) < 200 * MS);
        admission_observe(&admission, short_waits[i], now_ns);
        assert_int_equal(longest_served(&admission, 10 * MS), (DEADLINE_MS - 10) * MS);
        /* A long wait soon after it does not bring the old standing back. */
        admission_observe(&admission, 500 * MS, now_ns + INTERVAL_MS * MS);
        assert_int_equal(admission.intervals, 1);
    }
}

static void test_allowed_wait_shrinks_with_the_root_of_the_intervals(void **state) {
    static const struct {
        unsigned intervals;
        unsigned divisor;
    } exact[] = {{0, 1}, {3, 2}, {8, 3}, {15, 4}, {24, 5}, {99, 10}};
    const uint64_t expected_ns = 4 * MS;
    const uint64_t full_ns = DEADLINE_MS * MS - expected_ns;
    uint64_t last = UINT64_MAX;

    (void)state;
    for (size_t i = 0; i < COUNT(exact); i++) {
        const struct admission admission = standing(exact[i].intervals);

        assert_int_equal(longest_served(&admission, expected_ns), full_ns / exact[i].divisor);
    }
    for (unsigned n = 0; n < 2000; n++) {
        const struct admission admission = standing(n);
        const uint64_t allowed = longest_served(&admission, expected_ns);
        const double root = sqrt(1.0 + n);

        assert_true(allowed <= last);
        last = allowed;
        /* The root has three binary digits behind the point, rounded down. */
        assert_true((double)allowed >= floor((double)full_ns / root) - 1);
        assert_true((double)allowed <= (double)full_ns / (root - 0.125) + 1);
    }
}

static void test_allowed_wait_never_shrinks_below_a_hash_and_a_half(void **state) {
    static const unsigned long_standing[] = {1000, 1000000, UINT32_MAX / INTERVAL_MS};

    (void)state;
    for (size_t i = 0; i < COUNT(long_standing); i++) {
        const struct admission admission = standing(long_standing[i]);

        assert_int_equal(longest_served(&admission, 250 * MS), 375 * MS);
        assert_int_equal(admission_judge(&admission, 375 * MS + 1, 250 * MS), ADMISSION_QUEUE);
    }
}

/* Where the hash that a request waits for may be computed a second time, both are waited for. */
static void test_allowed_wait_has_room_for_a_hash_that_is_checked(void **state) {
    struct admission admission;

    (void)state;
    admission_init(&admission, DEADLINE_MS, TARGET_MS, INTERVAL_MS, 2, START);
    admission_observe(&admission, 50 * MS, START + 100000 * (INTERVAL_MS * MS));
    assert_int_equal(longest_served(&admission, 200 * MS), 500 * MS);
    assert_int_equal(longest_served(&admission, 100 * MS), 250 * MS);
    /* The deadline is the stronger one. */
    assert_int_equal(longest_served(&admission, 400 * MS), 600 * MS);
}

static void test_allowed_wait_never_shrinks_below_the_target(void **state) {
    const struct admission admission = standing(1000000);

    (void)state;
    assert_int_equal(longest_served(&admission, 1 * MS), TARGET_MS * MS);
    assert_int_equal(admission_judge(&admission, TARGET_MS * MS + 1, 1 * MS), ADMISSION_QUEUE);
}

static void test_deadline_is_named_before_the_queue(void **state) {
    const struct admission admission = standing(100);

    (void)state;
    assert_int_equal(admission_judge(&admission, 900 * MS, 50 * MS), ADMISSION_QUEUE);
    assert_int_equal(admission_judge(&admission, 950 * MS + 1, 50 * MS), ADMISSION_DEADLINE);
}

static void test_wait_is_the_time_since_nginx_took_the_request(void **state) {
    static const struct {
        const char *start;
        uint64_t wait_ms;
    } rows[] = {
        {"1700000000.000", 123}, {"1700000000.122", 1},       {"1700000000.123", 0},
        {"1699999999.999", 124}, {"1699999000.123", 1000000}, {"0.000", UINT64_C(1700000000123)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(admission_wait_ns(rows[i].start, UINT64_C(1700000000123)),
                         rows[i].wait_ms * MS);
}

static void test_missing_broken_or_future_start_counts_as_no_wait(void **state) {
    static const char *const starts[] = {
        "",
        "-",
        ".",
        ".123",
        "1699999999",
        "1699999999.",
        "1699999999.x",
        "1699999999.12x",
        "1699999999.123 ",
        "1699999999.-12",
        "1699999999.+12",
        "1699999999. 12",
        "1699999999,123",
        " 1699999999.123",
        "+1699999999.123",
        "-1699999999.123",
        "0x6.123",
        "nan",
        "1700000000.124",
        "1700000001.000",
        "99999999999999999999999.000",
        "18446744073709551615.999",
        "18446744073709551.616",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(starts); i++)
        if (admission_wait_ns(starts[i], UINT64_C(1700000000123)) != 0)
            fail_msg("\"%s\" counts as a wait", starts[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_and_hash_may_fill_the_deadline_but_not_pass_it),
        cmocka_unit_test(test_short_wait_is_served_whatever_the_hash_takes),
        cmocka_unit_test(test_queue_stands_only_after_a_whole_interval),
        cmocka_unit_test(test_one_short_wait_ends_the_standing_queue),
        cmocka_unit_test(test_allowed_wait_shrinks_with_the_root_of_the_intervals),
        cmocka_unit_test(test_allowed_wait_never_shrinks_below_a_hash_and_a_half),
        cmocka_unit_test(test_allowed_wait_has_room_for_a_hash_that_is_checked),
        cmocka_unit_test(test_allowed_wait_never_shrinks_below_the_target),
        cmocka_unit_test(test_deadline_is_named_before_the_queue),
        cmocka_unit_test(test_wait_is_the_time_since_nginx_took_the_request),
        cmocka_unit_test(test_missing_broken_or_future_start_counts_as_no_wait),
    };

    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
