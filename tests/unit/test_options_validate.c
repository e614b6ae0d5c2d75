#include "support.h"

#include "options.h"

#include <sched.h>

static struct options options;
static char error[OPTIONS_ERROR_SIZE];

static int set_up(void **state) {
    (void)state;
    options = support_options();
    return 0;
}

static int validate(void) {
    memset(error, 0, sizeof error);
    return options_validate(&options, error);
}

/* The error names each of these. */
static void expect_refusal(const char *const *parts, size_t count) {
    assert_true(validate() < 0);
    for (size_t i = 0; i < count; i++)
        if (strstr(error, parts[i]) == NULL)
            fail_msg("\"%s\" does not name \"%s\"", error, parts[i]);
}

static void test_defaults_are_valid(void **state) {
    (void)state;
    assert_int_equal(validate(), 0);
}

static void test_cost_must_lie_within_its_range(void **state) {
    static const struct {
        unsigned cost;
        unsigned minimum;
        unsigned maximum;
        bool valid;
    } rows[] = {
        {12, 12, 12, true},  {10, 10, 15, true},  {15, 10, 15, true},  {9, 10, 15, false},
        {16, 10, 15, false}, {12, 14, 11, false}, {12, 13, 15, false}, {12, 4, 11, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        options.cost = rows[i].cost;
        options.min_cost = rows[i].minimum;
        options.max_cost = rows[i].maximum;
        assert_int_equal(validate() == 0, rows[i].valid);
    }
    options.cost = 9;
    options.min_cost = 10;
    options.max_cost = 15;
    expect_refusal((const char *const[]){"cost: 9", "min-cost 10", "max-cost 15"}, 3);
}

static void test_restart_delay_must_not_pass_its_bound(void **state) {
    (void)state;
    options.restart_delay_ms = 500;
    options.restart_delay_max_ms = 500;
    assert_int_equal(validate(), 0);
    options.restart_delay_ms = 501;
    expect_refusal((const char *const[]){"restart-delay-ms: 501", "restart-delay-max-ms 500"}, 2);
}

static void test_socket_directory_is_absolute(void **state) {
    static const char *const paths[] = {"", "run", "./run", "../run"};

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        strcpy(options.socket_dir, paths[i]);
        expect_refusal((const char *const[]){"socket-dir", paths[i]}, 2);
    }
}

static void test_socket_directory_leaves_room_for_a_name(void **state) {
    const size_t longest = OPTIONS_TEXT_SIZE - 1 - strlen("/pool-15.sock");

    (void)state;
    memset(options.socket_dir, 0, sizeof options.socket_dir);
    memset(options.socket_dir, 'd', longest);
    options.socket_dir[0] = '/';
    assert_int_equal(validate(), 0);
    options.socket_dir[longest] = 'd';
    expect_refusal((const char *const[]){"socket-dir", "95", "94"}, 3);
}

static void test_no_number_of_workers_means_the_usable_cpus(void **state) {
    cpu_set_t usable;
    cpu_set_t one;
    size_t cpu = 0;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof usable, &usable), 0);
    options.workers = 0;
    assert_int_equal(validate(), 0);
    assert_int_equal(options.workers, CPU_COUNT(&usable));

    CPU_ZERO(&one);
    while (!CPU_ISSET(cpu, &usable))
        cpu++;
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    options.workers = 0;
    assert_int_equal(validate(), 0);
    assert_int_equal(options.workers, 1);
    assert_int_equal(sched_setaffinity(0, sizeof usable, &usable), 0);
}

static void test_number_of_workers_given_stays(void **state) {
    (void)state;
    options.workers = 7;
    assert_int_equal(validate(), 0);
    assert_int_equal(options.workers, 7);
}

static void test_libxcrypt_has_one_lane_whatever_is_given(void **state) {
    (void)state;
    options.lanes = 5;
    assert_int_equal(options_validate(&options, error), 0);
    assert_int_equal(options.lanes, 1);
}

static void test_lanes_of_the_lanes_engine_stay(void **state) {
    (void)state;
    options.engine = OPTIONS_ENGINE_LANES;
    for (unsigned lanes = 0; lanes <= OPTIONS_LANES_MAX; lanes++) {
        options.lanes = lanes;
        assert_int_equal(options_validate(&options, error), 0);
        assert_int_equal(options.lanes, lanes);
    }
}

static void test_in_flight_cap_is_capacity_and_half_of_it(void **state) {
    static const struct {
        unsigned workers;
        unsigned lanes;
        unsigned cap;
    } rows[] = {{1, 1, 2}, {2, 1, 3}, {3, 1, 4}, {4, 1, 6}, {1, 4, 6}, {2, 5, 15}, {256, 8, 3072}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        options.workers = rows[i].workers;
        options.lanes = rows[i].lanes;
        assert_int_equal(options_in_flight_cap(&options), rows[i].cap);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults_are_valid, set_up),
        cmocka_unit_test_setup(test_cost_must_lie_within_its_range, set_up),
        cmocka_unit_test_setup(test_restart_delay_must_not_pass_its_bound, set_up),
        cmocka_unit_test_setup(test_socket_directory_is_absolute, set_up),
        cmocka_unit_test_setup(test_socket_directory_leaves_room_for_a_name, set_up),
        cmocka_unit_test_setup(test_no_number_of_workers_means_the_usable_cpus, set_up),
        cmocka_unit_test_setup(test_number_of_workers_given_stays, set_up),
        cmocka_unit_test_setup(test_libxcrypt_has_one_lane_whatever_is_given, set_up),
        cmocka_unit_test_setup(test_lanes_of_the_lanes_engine_stay, set_up),
        cmocka_unit_test_setup(test_in_flight_cap_is_capacity_and_half_of_it, set_up),
    };

    return cmocka_run_group_tests_name("options_validate", tests, NULL, NULL);
}
