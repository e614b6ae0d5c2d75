#include "support.h"

#include "scoreboard.h"

static int write_from_child(void *context) {
    struct scoreboard *scoreboard = context;

    scoreboard_set_state(&scoreboard->slot[2], SCOREBOARD_BUSY);
    scoreboard_touch(&scoreboard->slot[2], 42);
    stats_add(&scoreboard->slot[2].stats.shed[STATS_SHED_QUEUE], 7);
    return 0;
}

static void test_a_new_one_is_empty(void **state) {
    struct scoreboard *scoreboard = NULL;

    (void)state;
    assert_int_equal(scoreboard_create(3, &scoreboard), 0);
    assert_int_equal(scoreboard->slots, 4);
    for (unsigned i = 0; i < scoreboard->slots; i++) {
        assert_int_equal(scoreboard_get_state(&scoreboard->slot[i]), SCOREBOARD_EMPTY);
        assert_int_equal(atomic_load(&scoreboard->slot[i].pid), 0);
        assert_int_equal(stats_all_requests(&scoreboard->slot[i].stats), 0);
    }
    assert_int_equal(scoreboard_workers_up(scoreboard), 0);
    scoreboard_free(&scoreboard);
    assert_null(scoreboard);
    scoreboard_free(&scoreboard);
}

static void test_a_child_writes_what_the_parent_reads(void **state) {
    struct scoreboard *scoreboard = NULL;

    (void)state;
    assert_int_equal(scoreboard_create(2, &scoreboard), 0);
    assert_int_equal(support_fork(write_from_child, scoreboard), 0);
    assert_int_equal(scoreboard_get_state(&scoreboard->slot[2]), SCOREBOARD_BUSY);
    assert_int_equal(atomic_load(&scoreboard->slot[2].progress_ns), 42);
    assert_int_equal(stats_get(&scoreboard->slot[2].stats.shed[STATS_SHED_QUEUE]), 7);
    scoreboard_free(&scoreboard);
}

static void test_up_is_idle_busy_or_stopping(void **state) {
    static const struct {
        enum scoreboard_state state;
        bool up;
    } rows[] = {
        {SCOREBOARD_EMPTY, false}, {SCOREBOARD_STARTING, false}, {SCOREBOARD_IDLE, true},
        {SCOREBOARD_BUSY, true},   {SCOREBOARD_STOPPING, true},
    };
    struct scoreboard *scoreboard = NULL;

    (void)state;
    assert_int_equal(COUNT(rows), SCOREBOARD_STATES);
    assert_int_equal(scoreboard_create(1, &scoreboard), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        scoreboard_set_state(&scoreboard->slot[1], rows[i].state);
        assert_int_equal(scoreboard_is_up(&scoreboard->slot[1]), rows[i].up);
        assert_int_equal(scoreboard_workers_up(scoreboard), rows[i].up);
    }
    scoreboard_free(&scoreboard);
}

/* A worker that was broken into may write anything to the memory that all share. */
static void test_what_is_no_state_counts_as_empty(void **state) {
    static const uint32_t values[] = {SCOREBOARD_STATES, 1000, UINT32_MAX};
    struct scoreboard *scoreboard = NULL;

    (void)state;
    assert_int_equal(scoreboard_create(1, &scoreboard), 0);
    for (size_t i = 0; i < COUNT(values); i++) {
        atomic_store(&scoreboard->slot[1].state, values[i]);
        assert_int_equal(scoreboard_get_state(&scoreboard->slot[1]), SCOREBOARD_EMPTY);
        assert_false(scoreboard_is_up(&scoreboard->slot[1]));
    }
    scoreboard_free(&scoreboard);
}

static void test_the_status_process_is_no_worker(void **state) {
    struct scoreboard *scoreboard = NULL;

    (void)state;
    assert_int_equal(scoreboard_create(2, &scoreboard), 0);
    scoreboard_set_state(&scoreboard->slot[0], SCOREBOARD_IDLE);
    assert_int_equal(scoreboard_workers_up(scoreboard), 0);
    scoreboard_set_state(&scoreboard->slot[1], SCOREBOARD_IDLE);
    scoreboard_set_state(&scoreboard->slot[2], SCOREBOARD_BUSY);
    assert_int_equal(scoreboard_workers_up(scoreboard), 2);
    scoreboard_free(&scoreboard);
}

static void test_names_differ(void **state) {
    (void)state;
    for (unsigned i = 0; i < SCOREBOARD_STATES; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(scoreboard_state_name(i), scoreboard_state_name(j));
    for (unsigned i = 0; i < SCOREBOARD_EXITS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(scoreboard_exit_name(i), scoreboard_exit_name(j));
    assert_string_equal(scoreboard_exit_name(SCOREBOARD_EXIT_START_FAILED), "start_failed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_one_is_empty),
        cmocka_unit_test(test_a_child_writes_what_the_parent_reads),
        cmocka_unit_test(test_up_is_idle_busy_or_stopping),
        cmocka_unit_test(test_what_is_no_state_counts_as_empty),
        cmocka_unit_test(test_the_status_process_is_no_worker),
        cmocka_unit_test(test_names_differ),
    };

    return cmocka_run_group_tests_name("scoreboard", tests, NULL, NULL);
}
