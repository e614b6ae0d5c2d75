#include "support.h"

#include "clock.h"
#include "stats.h"

static const enum stats_timing timings[] = {STATS_QUEUE_WAIT, STATS_DURATION, STATS_HASH_DURATION};

static uint64_t bucket(const struct stats *stats, enum stats_timing timing, size_t i) {
    return stats_get(&stats->timing[timing].bucket[i]);
}

static void test_bounds_ascend_and_fit(void **state) {
    (void)state;
    for (size_t t = 0; t < COUNT(timings); t++) {
        size_t count;
        const unsigned *bounds = stats_bounds_ms(timings[t], &count);

        assert_in_range(count, 1, STATS_BUCKETS);
        for (size_t i = 1; i < count; i++)
            assert_true(bounds[i - 1] < bounds[i]);
    }
}

/* A bucket holds its upper bound, as Prometheus' "le" says. */
static void test_value_at_a_bound_belongs_below_it(void **state) {
    (void)state;
    for (size_t t = 0; t < COUNT(timings); t++) {
        size_t count;
        const unsigned *bounds = stats_bounds_ms(timings[t], &count);

        for (size_t i = 0; i < count; i++) {
            struct stats stats = {0};

            stats_observe(&stats, timings[t], bounds[i] * CLOCK_NS_PER_MS);
            assert_int_equal(bucket(&stats, timings[t], i), 1);
            stats_observe(&stats, timings[t], bounds[i] * CLOCK_NS_PER_MS + 1);
            assert_int_equal(bucket(&stats, timings[t], i), 1);
            assert_int_equal(bucket(&stats, timings[t], i + 1), 1);
        }
    }
}

static void test_extremes_find_a_bucket(void **state) {
    struct stats stats = {0};
    size_t count;

    (void)state;
    stats_bounds_ms(STATS_DURATION, &count);
    stats_observe(&stats, STATS_DURATION, 0);
    stats_observe(&stats, STATS_DURATION, UINT64_MAX / 2);
    assert_int_equal(bucket(&stats, STATS_DURATION, 0), 1);
    assert_int_equal(bucket(&stats, STATS_DURATION, count), 1);
    assert_int_equal(stats_get(&stats.timing[STATS_DURATION].sum_ns), UINT64_MAX / 2);
}

static void test_timings_are_apart(void **state) {
    struct stats stats = {0};

    (void)state;
    stats_observe(&stats, STATS_QUEUE_WAIT, 3);
    assert_int_equal(stats_get(&stats.timing[STATS_QUEUE_WAIT].sum_ns), 3);
    assert_int_equal(stats_get(&stats.timing[STATS_DURATION].sum_ns), 0);
    assert_int_equal(stats_get(&stats.timing[STATS_HASH_DURATION].sum_ns), 0);
}

static void test_every_code_of_every_route_has_its_counter(void **state) {
    struct stats stats = {0};

    (void)state;
    for (size_t route = 0; route < STATS_ROUTES; route++)
        for (size_t i = 0; i < STATS_CODES; i++)
            stats_count_request(&stats, (enum stats_route)route, stats_codes[i]);
    for (size_t route = 0; route < STATS_ROUTES; route++)
        for (size_t i = 0; i < STATS_CODES; i++)
            assert_int_equal(stats_get(&stats.requests[route][i]), 1);
    assert_int_equal(stats_all_requests(&stats), STATS_ROUTES * STATS_CODES);
}

static void test_unlisted_code_counts_as_500(void **state) {
    struct stats stats = {0};

    (void)state;
    stats_count_request(&stats, STATS_HASH, 999);
    for (size_t i = 0; i < STATS_CODES; i++)
        assert_int_equal(stats_get(&stats.requests[STATS_HASH][i]), stats_codes[i] == 500);
}

static void test_sum_adds_every_counter(void **state) {
    static struct stats one;
    static struct stats total;
    stats_counter *values = (stats_counter *)(void *)&one;
    const stats_counter *sums = (const stats_counter *)(const void *)&total;
    const size_t count = sizeof one / sizeof(stats_counter);

    (void)state;
    for (size_t i = 0; i < count; i++)
        stats_add(&values[i], i + 1);
    stats_sum(&total, &one);
    stats_sum(&total, &one);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(stats_get(&sums[i]), 2 * (i + 1));
}

static void test_names_are_the_labels_of_the_contract(void **state) {
    (void)state;
    assert_string_equal(stats_route_name(STATS_GETHASH), "gethash");
    assert_string_equal(stats_route_name(STATS_HASH), "hash");
    assert_string_equal(stats_route_name(STATS_VERIFY), "verify");
    assert_string_equal(stats_route_name(STATS_OTHER), "other");
    assert_string_equal(stats_shed_name(STATS_SHED_DEADLINE), "deadline");
    assert_string_equal(stats_shed_name(STATS_SHED_QUEUE), "queue");
    assert_string_equal(stats_shed_name(STATS_SHED_CLIENT_GONE), "client_gone");
    assert_string_equal(stats_fcgi_error_name(STATS_FCGI_TIMEOUT), "timeout");
    assert_string_equal(stats_fcgi_error_name(STATS_FCGI_PROTOCOL), "protocol");
    assert_string_equal(stats_engine_name(STATS_LIBXCRYPT), "libxcrypt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_ascend_and_fit),
        cmocka_unit_test(test_value_at_a_bound_belongs_below_it),
        cmocka_unit_test(test_extremes_find_a_bucket),
        cmocka_unit_test(test_timings_are_apart),
        cmocka_unit_test(test_every_code_of_every_route_has_its_counter),
        cmocka_unit_test(test_unlisted_code_counts_as_500),
        cmocka_unit_test(test_sum_adds_every_counter),
        cmocka_unit_test(test_names_are_the_labels_of_the_contract),
    };

    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
