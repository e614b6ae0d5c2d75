#include "support.h"

#include "clock.h"
#include "estimate.h"

#define COST4_NS UINT64_C(800000)

static struct estimate fresh(void) {
    struct estimate estimate;

    estimate_init(&estimate, COST4_NS);
    return estimate;
}

static void test_a_step_of_cost_doubles_the_time(void **state) {
    const struct estimate estimate = fresh();

    (void)state;
    assert_int_equal(estimate_get(&estimate, 4), COST4_NS);
    for (unsigned cost = 5; cost < STATS_COSTS; cost++)
        assert_int_equal(estimate_get(&estimate, cost), 2 * estimate_get(&estimate, cost - 1));
}

static void test_what_was_expected_changes_nothing(void **state) {
    struct estimate estimate = fresh();

    (void)state;
    for (int i = 0; i < 1000; i++)
        estimate_observe(&estimate, 12, COST4_NS << 8);
    assert_int_equal(estimate_get(&estimate, 12), COST4_NS << 8);
}

static void test_a_measurement_counts_an_eighth(void **state) {
    struct estimate estimate = fresh();

    (void)state;
    estimate_observe(&estimate, 4, 2 * COST4_NS);
    assert_int_equal(estimate_get(&estimate, 4), COST4_NS / 8 * 7 + 2 * COST4_NS / 8);
    estimate = fresh();
    estimate_observe(&estimate, 4, 0);
    assert_int_equal(estimate_get(&estimate, 4), COST4_NS / 8 * 7);
}

static void test_an_outlier_counts_as_four_times_the_expected(void **state) {
    static const uint64_t outliers[] = {4 * COST4_NS, 4 * COST4_NS + 1, 3600 * CLOCK_NS_PER_S,
                                        UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(outliers); i++) {
        struct estimate estimate = fresh();

        estimate_observe(&estimate, 4, outliers[i]);
        assert_int_equal(estimate_get(&estimate, 4), COST4_NS / 8 * 7 + 4 * COST4_NS / 8);
    }
}

static void test_costs_do_not_touch_each_other(void **state) {
    struct estimate estimate = fresh();
    const struct estimate before = estimate;

    (void)state;
    estimate_observe(&estimate, 10, 1);
    for (unsigned cost = 0; cost < STATS_COSTS; cost++)
        if (cost != 10)
            assert_int_equal(estimate_get(&estimate, cost), estimate_get(&before, cost));
}

/* A machine that got slower or faster for good is believed, within a tenth. */
static void test_a_lasting_change_is_followed(void **state) {
    static const uint64_t changed[] = {COST4_NS * 10, COST4_NS / 10};

    (void)state;
    for (size_t i = 0; i < COUNT(changed); i++) {
        struct estimate estimate = fresh();

        for (int n = 0; n < 60; n++)
            estimate_observe(&estimate, 4, changed[i]);
        assert_in_range(estimate_get(&estimate, 4), changed[i] * 9 / 10, changed[i] * 11 / 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_of_cost_doubles_the_time),
        cmocka_unit_test(test_what_was_expected_changes_nothing),
        cmocka_unit_test(test_a_measurement_counts_an_eighth),
        cmocka_unit_test(test_an_outlier_counts_as_four_times_the_expected),
        cmocka_unit_test(test_costs_do_not_touch_each_other),
        cmocka_unit_test(test_a_lasting_change_is_followed),
    };

    return cmocka_run_group_tests_name("estimate", tests, NULL, NULL);
}
