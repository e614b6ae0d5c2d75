/* The supervisor with real child processes that do what a test says, and with the test's own
 * time: every call takes the moment it happens at, so nothing is waited for. */
#include "support.h"

#include "child.h"
#include "clock.h"
#include "log.h"
#include "status.h"
#include "supervisor.h"
#include "worker.h"

#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS CLOCK_NS_PER_MS
#define NOW (UINT64_C(1000000) * MS)
#define WORKERS 4
#define SERVE (-1)

static struct options options;
static struct listener listener;
static struct scoreboard *scoreboard;
static struct supervisor *supervisor;
static int ready_fd;
static int planned_exit; /* of the workers started from now on */

/* Stand in for those of app/: up at once, then serving until SIGTERM or ending as planned. */
static int be_child(struct scoreboard_slot *slot, int ready, int exit_code) {
    scoreboard_set_state(slot, SCOREBOARD_IDLE);
    child_report_ready(ready);
    while (exit_code == SERVE && !child_stop_asked())
        child_wait(NULL, 0, -1);
    return exit_code == SERVE ? 0 : exit_code;
}

int worker_run(const struct options *unused, const struct listener *unused_too,
               struct scoreboard_slot *slot, unsigned number, int ready) {
    (void)unused;
    (void)unused_too;
    (void)number;
    return be_child(slot, ready, planned_exit);
}

int status_run(const struct options *unused, const struct listener *unused_too,
               struct scoreboard *board, int ready) {
    (void)unused;
    (void)unused_too;
    return be_child(&board->slot[0], ready, SERVE);
}

static int set_up(void **state) {
    (void)state;
    log_init(OPTIONS_LOG_JSON, LOG_EMERG);
    options = support_options();
    options.workers = WORKERS;
    planned_exit = SERVE;
    ready_fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    assert_true(ready_fd >= 0);
    assert_int_equal(scoreboard_create(WORKERS, &scoreboard), 0);
    assert_int_equal(supervisor_create(&options, &listener, scoreboard, ready_fd, &supervisor), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    supervisor_stop_workers(supervisor, SIGKILL);
    supervisor_stop_status(supervisor, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        continue;
    supervisor_free(&supervisor);
    assert_null(supervisor);
    supervisor_free(&supervisor);
    scoreboard_free(&scoreboard);
    close(ready_fd);
    return 0;
}

/* Starts what is due and waits until it is up. */
static void start(uint64_t now_ns, unsigned count) {
    supervisor_start_due(supervisor, now_ns);
    while (count-- > 0)
        support_await(ready_fd);
}

static bool is_ready_pending(void) {
    struct pollfd entry = {.fd = ready_fd, .events = POLLIN};

    return poll(&entry, 1, 0) > 0;
}

static pid_t pid_of(unsigned number) {
    return atomic_load(&scoreboard->slot[number].pid);
}

/* Waits for a child's end and leaves it for the supervisor to collect. */
static void await_end(unsigned number) {
    siginfo_t info;

    assert_int_equal(waitid(P_PID, (id_t)pid_of(number), &info, WEXITED | WNOWAIT), 0);
}

static void end(unsigned number, int signal_number) {
    assert_true(pid_of(number) > 0);
    assert_int_equal(kill(pid_of(number), signal_number), 0);
    await_end(number);
}

static uint64_t exits(enum scoreboard_exit reason) {
    return stats_get(&scoreboard->master->exits[reason]);
}

static void test_all_children_are_started_once(void **state) {
    (void)state;
    assert_int_equal(supervisor_next_due(supervisor, NOW), 0);
    start(NOW, WORKERS + 1);
    assert_int_equal(supervisor_workers_alive(supervisor), WORKERS);
    assert_true(supervisor_status_alive(supervisor));
    assert_int_equal(scoreboard_workers_up(scoreboard), WORKERS);
    assert_int_equal(stats_get(&scoreboard->master->starts), WORKERS + 1);
    assert_int_equal(atomic_load(&scoreboard->slot[1].started_ns), NOW);
    assert_int_equal(supervisor_next_due(supervisor, NOW), UINT64_MAX);
    supervisor_start_due(supervisor, NOW + 1);
    supervisor_reap(supervisor, NOW + 1);
    assert_int_equal(stats_get(&scoreboard->master->starts), WORKERS + 1);
}

static void test_child_that_served_is_started_again_at_once(void **state) {
    pid_t old;

    (void)state;
    start(NOW, WORKERS + 1);
    old = pid_of(2);
    atomic_store(&scoreboard->slot[2].lanes_busy, 1);
    stats_count_request(&scoreboard->slot[2].stats, STATS_HASH, 200);
    end(2, SIGKILL);
    supervisor_reap(supervisor, NOW + 1);
    assert_int_equal(exits(SCOREBOARD_EXIT_SIGNAL), 1);
    assert_int_equal(pid_of(2), 0);
    assert_int_equal(scoreboard_get_state(&scoreboard->slot[2]), SCOREBOARD_EMPTY);
    assert_int_equal(atomic_load(&scoreboard->slot[2].lanes_busy), 0);
    assert_int_equal(supervisor_workers_alive(supervisor), WORKERS - 1);
    assert_int_equal(supervisor_next_due(supervisor, NOW + 1), 0);
    start(NOW + 1, 1);
    assert_int_equal(supervisor_workers_alive(supervisor), WORKERS);
    assert_int_not_equal(pid_of(2), old);
    /* What the one before it counted stays. */
    assert_int_equal(stats_all_requests(&scoreboard->slot[2].stats), 1);
}

/* Ends worker 1 as if it had never been ready. Returns until when it has to wait. */
static uint64_t fail_start(uint64_t now_ns) {
    scoreboard_set_state(&scoreboard->slot[1], SCOREBOARD_STARTING);
    end(1, SIGKILL);
    supervisor_reap(supervisor, now_ns);
    return supervisor_next_due(supervisor, now_ns);
}

static void test_failed_starts_wait_twice_as_long_each_time_within_a_bound(void **state) {
    static const uint64_t delays_ms[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    uint64_t now_ns = NOW;

    (void)state;
    start(now_ns, WORKERS + 1);
    for (size_t i = 0; i < COUNT(delays_ms); i++) {
        assert_int_equal(fail_start(now_ns), delays_ms[i] * MS);
        assert_int_equal(exits(SCOREBOARD_EXIT_START_FAILED), i + 1);
        supervisor_start_due(supervisor, now_ns + delays_ms[i] * MS - 1);
        assert_int_equal(pid_of(1), 0);
        now_ns += delays_ms[i] * MS;
        assert_int_equal(supervisor_next_due(supervisor, now_ns), 0);
        start(now_ns, 1);
    }
}

static void test_good_start_ends_the_waiting(void **state) {
    uint64_t now_ns = NOW;

    (void)state;
    start(now_ns, WORKERS + 1);
    for (int i = 0; i < 3; i++) {
        now_ns += fail_start(now_ns);
        start(now_ns, 1);
    }
    end(1, SIGKILL); /* this one was up */
    supervisor_reap(supervisor, now_ns);
    assert_int_equal(supervisor_next_due(supervisor, now_ns), 0);
    start(now_ns, 1);
    assert_int_equal(fail_start(now_ns), 2000 * MS);
}

static void test_each_child_has_its_own_delay(void **state) {
    (void)state;
    start(NOW, WORKERS + 1);
    assert_int_equal(fail_start(NOW), 2000 * MS);
    end(3, SIGKILL);
    supervisor_reap(supervisor, NOW);
    assert_int_equal(supervisor_next_due(supervisor, NOW), 0);
    start(NOW, 1);
    assert_true(pid_of(3) > 0);
    assert_int_equal(pid_of(1), 0);
}

/* Workers that die one after the other, though each was up, must not become a fork storm. */
static void test_restarts_keep_to_their_rate(void **state) {
    const uint64_t gap_ns = 50 * MS;

    (void)state;
    options.restart_rate = 20;
    start(NOW, WORKERS + 1);
    for (unsigned number = 1; number <= WORKERS; number++)
        end(number, SIGKILL);
    supervisor_reap(supervisor, NOW);
    assert_int_equal(exits(SCOREBOARD_EXIT_SIGNAL), WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        const uint64_t now_ns = NOW + i * gap_ns;

        if (i > 0) {
            assert_int_equal(supervisor_next_due(supervisor, now_ns - 1), 1);
            supervisor_start_due(supervisor, now_ns - 1);
            assert_int_equal(supervisor_workers_alive(supervisor), i);
        }
        start(now_ns, 1);
        assert_int_equal(supervisor_workers_alive(supervisor), i + 1);
    }
    assert_false(is_ready_pending());
}

static void test_exit_codes_have_their_reasons(void **state) {
    static const struct {
        int code;
        enum scoreboard_exit reason;
    } rows[] = {
        {0, SCOREBOARD_EXIT_STOPPED},
        {WORKER_EXIT_RECYCLED, SCOREBOARD_EXIT_RECYCLED},
        {1, SCOREBOARD_EXIT_ERROR},
        {77, SCOREBOARD_EXIT_ERROR},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint64_t before = exits(rows[i].reason);
        const uint64_t now_ns = NOW + i * CLOCK_NS_PER_S;

        planned_exit = rows[i].code;
        supervisor_start_due(supervisor, now_ns);
        for (unsigned number = 1; number <= WORKERS; number++)
            await_end(number);
        supervisor_reap(supervisor, now_ns);
        assert_int_equal(exits(rows[i].reason), before + WORKERS);
    }
}

static void test_hung_child_is_killed(void **state) {
    const uint64_t limit_ns = options.worker_timeout_ms * MS;

    (void)state;
    start(NOW, WORKERS + 1);
    scoreboard_set_state(&scoreboard->slot[1], SCOREBOARD_BUSY);
    scoreboard_touch(&scoreboard->slot[1], NOW + 1);
    supervisor_kill_hung(supervisor, NOW + 1 + limit_ns);
    supervisor_reap(supervisor, NOW + 1 + limit_ns);
    assert_int_equal(supervisor_workers_alive(supervisor), WORKERS);

    supervisor_kill_hung(supervisor, NOW + 2 + limit_ns);
    await_end(1);
    supervisor_reap(supervisor, NOW + 2 + limit_ns);
    assert_int_equal(exits(SCOREBOARD_EXIT_TIMEOUT), 1);
    assert_int_equal(supervisor_workers_alive(supervisor), WORKERS - 1);
    assert_int_equal(supervisor_next_due(supervisor, NOW + 2 + limit_ns), 0);
}

static void test_start_or_stop_that_hangs_is_killed_too(void **state) {
    const uint64_t late_ns = NOW + options.worker_timeout_ms * MS + 1;

    (void)state;
    start(NOW, WORKERS + 1);
    scoreboard_set_state(&scoreboard->slot[1], SCOREBOARD_STARTING);
    scoreboard_set_state(&scoreboard->slot[2], SCOREBOARD_STOPPING);
    scoreboard_set_state(&scoreboard->slot[0], SCOREBOARD_BUSY);
    for (unsigned number = 0; number <= WORKERS; number++)
        scoreboard_touch(&scoreboard->slot[number], NOW);
    supervisor_kill_hung(supervisor, late_ns);
    await_end(0);
    await_end(1);
    await_end(2);
    supervisor_reap(supervisor, late_ns);
    assert_int_equal(exits(SCOREBOARD_EXIT_TIMEOUT), 3);
    assert_int_equal(supervisor_workers_alive(supervisor), WORKERS - 2);
}

/* Waiting for requests is no hanging, however long. */
static void test_idle_child_is_never_killed(void **state) {
    (void)state;
    start(NOW, WORKERS + 1);
    supervisor_kill_hung(supervisor, NOW + 365 * UINT64_C(86400) * CLOCK_NS_PER_S);
    for (unsigned number = 0; number <= WORKERS; number++)
        assert_int_equal(waitpid(pid_of(number), NULL, WNOHANG), 0);
}

static void test_stop_ends_the_workers_then_the_status_process(void **state) {
    (void)state;
    start(NOW, WORKERS + 1);
    supervisor_stop_workers(supervisor, SIGTERM);
    for (unsigned number = 1; number <= WORKERS; number++)
        await_end(number);
    supervisor_reap(supervisor, NOW + 1);
    assert_int_equal(exits(SCOREBOARD_EXIT_STOPPED), WORKERS);
    assert_int_equal(supervisor_workers_alive(supervisor), 0);
    assert_true(supervisor_status_alive(supervisor));
    /* Nothing is started any more. */
    assert_int_equal(supervisor_next_due(supervisor, NOW + 1), UINT64_MAX);
    supervisor_start_due(supervisor, NOW + CLOCK_NS_PER_S);
    assert_int_equal(supervisor_workers_alive(supervisor), 0);
    assert_int_equal(stats_get(&scoreboard->master->starts), WORKERS + 1);

    supervisor_stop_status(supervisor, SIGTERM);
    await_end(0);
    supervisor_reap(supervisor, NOW + 2);
    assert_false(supervisor_status_alive(supervisor));
    assert_int_equal(exits(SCOREBOARD_EXIT_STOPPED), WORKERS + 1);
}

static int64_t number_in(struct json_object *line, const char *name) {
    struct json_object *value = NULL;

    assert_true(json_object_object_get_ex(line, name, &value));
    return json_object_get_int64(value);
}

static void test_end_is_logged_with_reason_signal_and_age(void **state) {
    struct json_object *line;
    struct json_object *reason = NULL;
    char *text;

    (void)state;
    start(NOW, WORKERS + 1);
    end(2, SIGKILL);
    log_init(OPTIONS_LOG_JSON, LOG_INFO);
    support_capture();
    supervisor_reap(supervisor, NOW + 1234 * MS);
    text = support_release();
    line = json_tokener_parse(text);
    assert_true(json_object_is_type(line, json_type_object));
    assert_true(json_object_object_get_ex(line, "bcryptd.reason", &reason));
    assert_string_equal(json_object_get_string(reason), "signal");
    assert_int_equal(number_in(line, "bcryptd.signal"), SIGKILL);
    assert_int_equal(number_in(line, "bcryptd.child_number"), 2);
    assert_int_equal(number_in(line, "bcryptd.age_ms"), 1234);
    assert_int_equal(number_in(line, "bcryptd.restart_in_ms"), 0);
    json_object_put(line);
    free(text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_all_children_are_started_once),
        TEST(test_child_that_served_is_started_again_at_once),
        TEST(test_failed_starts_wait_twice_as_long_each_time_within_a_bound),
        TEST(test_good_start_ends_the_waiting),
        TEST(test_each_child_has_its_own_delay),
        TEST(test_restarts_keep_to_their_rate),
        TEST(test_exit_codes_have_their_reasons),
        TEST(test_hung_child_is_killed),
        TEST(test_start_or_stop_that_hangs_is_killed_too),
        TEST(test_idle_child_is_never_killed),
        TEST(test_stop_ends_the_workers_then_the_status_process),
        TEST(test_end_is_logged_with_reason_signal_and_age),
    };

    return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
