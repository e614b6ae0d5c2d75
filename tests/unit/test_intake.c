#include "support.h"

#include "child.h"
#include "client.h"
#include "clock.h"
#include "intake.h"
#include "log.h"

#include <unistd.h>

#define POOL 2
#define LANES 4

static struct options options;
static struct listener listener;
static struct stats stats;
static struct intake intake;
static struct fcgi_connection connection;

static int set_up(void **state) {
    (void)state;
    log_init(OPTIONS_LOG_JSON, LOG_CRIT);
    options = support_options();
    options.read_timeout_ms = 60000;
    listener = (struct listener){.pool_size = POOL, .status = -1};
    for (unsigned i = 0; i < POOL; i++)
        listener.pool[i] = client_listen(16);
    memset(&stats, 0, sizeof stats);
    intake_init(&intake, &options, &listener, &stats, 1);
    return fcgi_init();
}

static int tear_down(void **state) {
    (void)state;
    for (unsigned i = 0; i < ENGINE_LANES_MAX; i++)
        if (intake.place[i].taken)
            fcgi_drop(&intake.place[i].connection);
    for (unsigned i = 0; i < POOL; i++)
        close(listener.pool[i]);
    return 0;
}

static int send_request(unsigned socket, const char *id) {
    const struct client_param params[] = {{"REQUEST_ID", id}, {NULL, NULL}};

    return client_request(listener.pool[socket], params, "", 0);
}

/* Takes the next request, which must be this one. */
static void expect_taken(const char *id, unsigned free_lanes) {
    assert_true(intake_take(&intake, free_lanes, true, &connection));
    assert_true(connection.open);
    assert_string_equal(fcgi_param(&connection, "REQUEST_ID"), id);
    fcgi_finish(&connection);
}

static void expect_none(unsigned free_lanes, bool accepts) {
    assert_false(intake_take(&intake, free_lanes, accepts, &connection));
}

static void test_requests_are_taken_from_all_sockets_in_turns(void **state) {
    int fds[4];

    (void)state;
    fds[0] = send_request(0, "a");
    fds[1] = send_request(0, "b");
    fds[2] = send_request(1, "c");
    fds[3] = send_request(1, "d");
    /* It begins at socket 1, as told. */
    expect_taken("c", LANES);
    expect_taken("a", LANES);
    expect_taken("d", LANES);
    expect_taken("b", LANES);
    expect_none(LANES, true);
    for (unsigned i = 0; i < COUNT(fds); i++)
        close(fds[i]);
}

static void test_silent_peer_is_set_aside(void **state) {
    const int silent = client_connect(listener.pool[1]);
    const int other = send_request(1, "other");
    const struct client_param params[] = {{"REQUEST_ID", "late"}, {NULL, NULL}};
    unsigned char bytes[512];
    size_t length;

    (void)state;
    expect_taken("other", LANES);
    assert_int_equal(intake.waiting, 1);
    expect_none(LANES, true);
    assert_int_equal(intake.waiting, 1);
    length = client_build(bytes, sizeof bytes, params, "", 0);
    client_send(silent, bytes, length, false);
    expect_taken("late", LANES);
    assert_int_equal(intake.waiting, 0);
    close(silent);
    close(other);
}

static void test_no_more_wait_than_there_are_free_lanes(void **state) {
    int silent[LANES];
    int other;

    (void)state;
    for (unsigned i = 0; i < LANES; i++)
        silent[i] = client_connect(listener.pool[0]);
    other = send_request(0, "other");
    for (unsigned free_lanes = 1; free_lanes <= LANES; free_lanes++) {
        expect_none(free_lanes, true);
        assert_int_equal(intake.waiting, free_lanes);
    }
    /* One more lane, and the one behind them comes in. */
    expect_taken("other", LANES + 1);
    for (unsigned i = 0; i < LANES; i++)
        close(silent[i]);
    close(other);
}

static void test_silent_peer_expires(void **state) {
    const int silent = client_connect(listener.pool[0]);
    char byte;

    (void)state;
    options.read_timeout_ms = 10;
    expect_none(LANES, true);
    while (intake.waiting > 0) {
        assert_int_equal(intake_wait(&intake, LANES, true, false), 0);
        expect_none(LANES, true);
    }
    assert_int_equal(stats_get(&stats.fcgi_errors[STATS_FCGI_TIMEOUT]), 1);
    assert_int_equal(read(silent, &byte, 1), 0);
    close(silent);
}

static void test_broken_request_is_counted_and_passed_over(void **state) {
    const int broken = client_connect(listener.pool[0]);
    const int left = client_connect(listener.pool[0]);
    const int other = send_request(0, "other");

    (void)state;
    client_send(broken, "GET / HTTP/1.1\r\n\r\n", 18, true);
    close(left);
    expect_taken("other", LANES);
    assert_int_equal(stats_get(&stats.fcgi_errors[STATS_FCGI_PROTOCOL]), 2);
    assert_int_equal(intake.waiting, 0);
    close(broken);
    close(other);
}

static void test_nothing_new_is_accepted_when_told_so(void **state) {
    const struct client_param params[] = {{"REQUEST_ID", "late"}, {NULL, NULL}};
    const int waiting = client_connect(listener.pool[0]);
    unsigned char bytes[512];
    int other;

    (void)state;
    expect_none(LANES, true);
    other = send_request(0, "other");
    expect_none(LANES, false);
    /* What it has it finishes. */
    client_send(waiting, bytes, client_build(bytes, sizeof bytes, params, "", 0), false);
    assert_int_equal(intake_wait(&intake, LANES, false, true), 0);
    assert_true(intake_take(&intake, LANES, false, &connection));
    assert_string_equal(fcgi_param(&connection, "REQUEST_ID"), "late");
    fcgi_finish(&connection);
    expect_none(LANES, false);
    expect_taken("other", LANES);
    close(waiting);
    close(other);
}

/* Returns at once for a request on a socket, and for one that was waited for. */
static void test_wait_ends_with_an_arrival(void **state) {
    const struct client_param params[] = {{"REQUEST_ID", "late"}, {NULL, NULL}};
    unsigned char bytes[512];
    int silent;
    int other;

    (void)state;
    other = send_request(0, "other");
    assert_int_equal(intake_wait(&intake, LANES, true, false), 0);
    expect_taken("other", LANES);
    silent = client_connect(listener.pool[0]);
    expect_none(LANES, true);
    client_send(silent, bytes, client_build(bytes, sizeof bytes, params, "", 0), false);
    /* No lane for a new one: only the one that waits counts. */
    assert_int_equal(intake_wait(&intake, 1, true, false), 0);
    expect_taken("late", 1);
    close(silent);
    close(other);
}

static void test_error_of_accept_is_no_busy_loop(void **state) {
    const int real = listener.pool[0];
    const uint64_t begin_ns = clock_monotonic_ns();

    (void)state;
    close(listener.pool[1]);
    listener.pool[1] = -1;
    expect_none(LANES, true);
    assert_true(intake.accept_failed);
    assert_int_equal(intake_wait(&intake, LANES, true, false), 0);
    assert_true(clock_monotonic_ns() - begin_ns >= CHILD_ACCEPT_PAUSE_MS * CLOCK_NS_PER_MS / 2);
    listener.pool[1] = dup(real);
    expect_none(LANES, true);
    assert_false(intake.accept_failed);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_requests_are_taken_from_all_sockets_in_turns),
        TEST(test_silent_peer_is_set_aside),
        TEST(test_no_more_wait_than_there_are_free_lanes),
        TEST(test_silent_peer_expires),
        TEST(test_broken_request_is_counted_and_passed_over),
        TEST(test_nothing_new_is_accepted_when_told_so),
        TEST(test_wait_ends_with_an_arrival),
        TEST(test_error_of_accept_is_no_busy_loop),
    };

    return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
