#include "support.h"

#include "calibrate.h"

#include <errno.h>
#include <signal.h>

/* Takes the place of the system's: it is the first that a measuring process calls. */
int __real_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set);
int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set);
static size_t killed_cpu = CPU_SETSIZE; /* none */

int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set) {
    if (CPU_ISSET(killed_cpu, set))
        raise(SIGKILL);
    return __real_sched_setaffinity(pid, size, set);
}

/* A machine on which a hash takes so long with each number of lanes, as multiples of one's. */
static unsigned choose(const double times[static ENGINE_LANES_MAX]) {
    struct calibration calibration = {0};

    for (unsigned i = 0; i < ENGINE_LANES_MAX; i++)
        calibration.lanes_ns[i + 1] = times[i] * 1e8;
    return calibrate_choose(&calibration);
}

static void test_most_hashes_within_the_slowdown_are_chosen(void **state) {
    (void)state;
    /* A wide core. */
    assert_int_equal(choose((double[]){1, 1, 1.03, 1.08, 1.18, 1.32, 1.5, 1.7}), 5);
    /* Room for all. */
    assert_int_equal(choose((double[]){1, 1, 1, 1, 1, 1, 1, 1}), 8);
    /* Hyper-threads that fill the core already. */
    assert_int_equal(choose((double[]){1, 1.9, 2.9, 3.9, 4.9, 5.9, 6.9, 7.9}), 1);
    assert_int_equal(choose((double[]){1, 1.2, 1.8, 2.4, 3, 3.6, 4.2, 4.8}), 2);
}

static void test_hash_may_take_a_quarter_longer_and_no_more(void **state) {
    (void)state;
    assert_int_equal(choose((double[]){1, 1.249, 9, 9, 9, 9, 9, 9}), 2);
    assert_int_equal(choose((double[]){1, 1.251, 9, 9, 9, 9, 9, 9}), 1);
}

static void test_lane_without_a_gain_is_not_taken(void **state) {
    (void)state;
    /* Three give 1 % more than two. */
    assert_int_equal(choose((double[]){1, 0.83, 1.233, 9, 9, 9, 9, 9}), 2);
    /* A bad number in between does not hide a better one behind. */
    assert_int_equal(choose((double[]){1, 1.1, 1.3, 1.2, 9, 9, 9, 9}), 4);
}

static void test_this_machine_is_measured(void **state) {
    struct calibration calibration = {0};
    cpu_set_t cpus;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    assert_int_equal(calibrate_measure(&cpus, 10, 2, true, &calibration), 0);
    assert_true(calibration.reference_ns > 0);
    for (unsigned lanes = 1; lanes <= ENGINE_LANES_MAX; lanes++) {
        /* More work in more lanes, and never more than one after the other; with room for noise. */
        assert_true(calibration.lanes_ns[lanes] > 0.5 * calibration.lanes_ns[1]);
        assert_true(calibration.lanes_ns[lanes] < 4.0 * lanes * calibration.lanes_ns[1]);
    }
}

static void test_cost_scales_the_times(void **state) {
    struct calibration low = {0};
    struct calibration high = {0};
    cpu_set_t cpu;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof cpu, &cpu), 0);
    assert_int_equal(calibrate_measure(&cpu, 10, 4, false, &low), 0);
    assert_int_equal(calibrate_measure(&cpu, 14, 4, false, &high), 0);
    assert_true(low.reference_ns == 0);
    assert_true(high.lanes_ns[1] > 4 * low.lanes_ns[1]);
    assert_true(high.lanes_ns[1] < 64 * low.lanes_ns[1]);
}

static void test_number_for_the_start_is_possible(void **state) {
    unsigned lanes = 0;

    (void)state;
    assert_int_equal(calibrate_lanes(&lanes), 0);
    assert_in_range(lanes, 1, ENGINE_LANES_MAX);
}

/* The second of two processes: the first waits for it. */
static void test_killed_process_is_an_error_and_no_hang(void **state) {
    struct calibration calibration = {0};
    cpu_set_t cpus;

    (void)state;
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    CPU_SET(1, &cpus); /* there need not be one: then the process is not pinned */
    killed_cpu = 1;
    assert_int_equal(calibrate_measure(&cpus, 10, 1, false, &calibration), -EIO);
    killed_cpu = CPU_SETSIZE;
    assert_true(calibration.lanes_ns[1] == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_most_hashes_within_the_slowdown_are_chosen),
        cmocka_unit_test(test_hash_may_take_a_quarter_longer_and_no_more),
        cmocka_unit_test(test_lane_without_a_gain_is_not_taken),
        cmocka_unit_test(test_this_machine_is_measured),
        cmocka_unit_test(test_cost_scales_the_times),
        cmocka_unit_test(test_number_for_the_start_is_possible),
        cmocka_unit_test(test_killed_process_is_an_error_and_no_hang),
    };

    return cmocka_run_group_tests_name("calibrate", tests, NULL, NULL);
}
