#include "support.h"

#include "client.h"
#include "fcgi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 5000

static const struct client_param no_params[] = {{NULL, NULL}};
static int listen_fd;

static int set_up(void **state) {
    (void)state;
    listen_fd = client_listen(8);
    return fcgi_init();
}

static int tear_down(void **state) {
    (void)state;
    return close(listen_fd);
}

/* True when the application has closed the connection. Waits for what is on its way. */
static bool is_closed(int fd) {
    struct pollfd entry = {.fd = fd, .events = POLLRDHUP};

    return poll(&entry, 1, TIMEOUT_MS) == 1 && (entry.revents & (POLLRDHUP | POLLHUP)) != 0;
}

/* Sends raw bytes, ends the sending, and returns what accepting says. */
static int accept_bytes(const void *bytes, size_t length) {
    struct fcgi_connection connection = {0};
    const int fd = client_connect(listen_fd);
    int result;

    client_send(fd, bytes, length, true);
    result = support_accept(&connection, listen_fd, TIMEOUT_MS);
    assert_int_equal(connection.open, result == 0);
    fcgi_finish(&connection);
    assert_true(is_closed(fd));
    close(fd);
    return result;
}

static void test_nothing_waits(void **state) {
    struct fcgi_connection connection = {0};

    (void)state;
    assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), -EAGAIN);
    assert_false(connection.open);
    fcgi_finish(&connection);
}

static void test_parameters_arrive(void **state) {
    static char long_value[20000];
    const struct client_param params[] = {
        {"REQUEST_URI", "/gethash/%C3%A9/"}, {"EMPTY", ""}, {"LONG", long_value}, {NULL, NULL}};
    struct fcgi_connection connection = {0};
    struct client_reply reply;
    int fd;

    (void)state;
    memset(long_value, 'v', sizeof long_value - 1);
    fd = client_request(listen_fd, params, "", 0);
    assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), 0);
    assert_true(connection.open);
    assert_string_equal(fcgi_param(&connection, "REQUEST_URI"), "/gethash/%C3%A9/");
    assert_string_equal(fcgi_param(&connection, "EMPTY"), "");
    assert_string_equal(fcgi_param(&connection, "LONG"), long_value);
    assert_string_equal(fcgi_param(&connection, "REQUEST"), "");
    assert_string_equal(fcgi_param(&connection, "MISSING"), "");
    fcgi_finish(&connection);
    assert_false(connection.open);
    client_receive(fd, &reply);
    assert_true(reply.complete);
}

static void test_body_is_read_to_its_end_and_no_more_is_kept(void **state) {
    static const size_t lengths[] = {0, 1, 9, 10, 11, 8191, 8192, 65535, 65536, 150000};
    static char body[150000];

    (void)state;
    memset(body, 'b', sizeof body);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct fcgi_connection connection = {0};
        char buffer[11] = "..........";
        const int fd = client_request(listen_fd, no_params, body, lengths[i]);
        const size_t kept = lengths[i] < 10 ? lengths[i] : 10;

        assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), 0);
        assert_int_equal(fcgi_read_body(&connection, buffer, 10), lengths[i]);
        assert_memory_equal(buffer, body, kept);
        if (kept < 10)
            assert_int_equal(buffer[kept], '.');
        assert_int_equal(buffer[10], '\0');
        fcgi_finish(&connection);
        assert_true(is_closed(fd));
        close(fd);
    }
}

static void test_body_cut_short_is_an_error(void **state) {
    static unsigned char request[4096];
    const size_t length = client_build(request, sizeof request, no_params, "0123456789", 10);

    (void)state;
    /* Without the stream's end (8 bytes), within the content, and without any of it. */
    for (size_t cut = 1; cut <= 8 + 10 + 8; cut++) {
        struct fcgi_connection connection = {0};
        char buffer[64];
        const int fd = client_connect(listen_fd);

        client_send(fd, request, length - cut, true);
        assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), 0);
        assert_int_equal(fcgi_read_body(&connection, buffer, sizeof buffer), -EIO);
        fcgi_finish(&connection);
        close(fd);
    }
}

static void test_reply_has_head_empty_line_and_body(void **state) {
    struct fcgi_connection connection = {0};
    struct client_reply reply;
    const int fd = client_request(listen_fd, no_params, "", 0);
    char waste[1];

    (void)state;
    assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), 0);
    assert_int_equal(fcgi_read_body(&connection, waste, sizeof waste), 0);
    assert_int_equal(fcgi_reply(&connection, "Status: 418 Teapot\r\nX: y\r\n", "a\0b", 3), 0);
    fcgi_finish(&connection);
    client_receive(fd, &reply);
    assert_true(reply.complete);
    assert_string_equal(reply.head, "Status: 418 Teapot\r\nX: y\r\n");
    assert_int_equal(reply.length, 3);
    assert_memory_equal(reply.body, "a\0b", 3);
}

static void test_reply_to_a_closed_peer_is_an_error(void **state) {
    struct fcgi_connection connection = {0};
    const int fd = client_request(listen_fd, no_params, "", 0);
    char waste[1];

    (void)state;
    assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), 0);
    fcgi_read_body(&connection, waste, sizeof waste);
    close(fd);
    assert_int_equal(fcgi_reply(&connection, "Status: 200 OK\r\n", "x", 1), -EPIPE);
    fcgi_finish(&connection);
}

static void test_client_that_left_is_seen(void **state) {
    struct fcgi_connection connection = {0};
    const int fd = client_request(listen_fd, no_params, "", 0);
    char waste[1];

    (void)state;
    assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), 0);
    fcgi_read_body(&connection, waste, sizeof waste);
    assert_false(fcgi_client_gone(&connection));
    close(fd);
    assert_true(fcgi_client_gone(&connection));
    fcgi_finish(&connection);
}

static void test_silent_peer_times_out(void **state) {
    struct fcgi_connection connection = {0};
    const int fd = client_connect(listen_fd);

    (void)state;
    assert_int_equal(support_accept(&connection, listen_fd, 10), -ETIMEDOUT);
    assert_false(connection.open);
    assert_true(is_closed(fd));
    close(fd);
}

/* A request of which the parameters' end is missing has perhaps not all of them. */
static void test_parameters_cut_short_are_refused(void **state) {
    static const struct client_param params[] = {
        {"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/gethash/p/"}, {NULL, NULL}};
    static unsigned char request[4096];
    /* The last 8 bytes end the empty body. */
    const size_t whole = client_build(request, sizeof request, params, "", 0) - 8;

    (void)state;
    for (size_t sent = 0; sent < whole; sent++)
        if (accept_bytes(request, sent) != -EPROTO)
            fail_msg("the first %zu of %zu bytes are taken", sent, whole);
    assert_int_equal(accept_bytes(request, whole), 0);
}

/* The peer keeps the connection open, so only the time limit ends the reading. */
static void test_peer_that_stops_half_way_times_out(void **state) {
    static unsigned char request[4096];
    const size_t length = client_build(request, sizeof request, no_params, "0123456789", 10);
    const size_t body_length = 8 + 10 + 8;

    (void)state;
    for (size_t sent = 1; sent < length; sent += 7) {
        struct fcgi_connection connection = {0};
        char buffer[64];
        const int fd = client_connect(listen_fd);
        int result;

        client_send(fd, request, sent, false);
        result = support_accept(&connection, listen_fd, 10);
        if (sent < length - body_length) {
            assert_true(result == -ETIMEDOUT || result == -EPROTO);
            assert_false(connection.open);
        } else {
            assert_int_equal(result, 0);
            assert_int_equal(fcgi_read_body(&connection, buffer, sizeof buffer), -EIO);
        }
        fcgi_finish(&connection);
        assert_true(is_closed(fd));
        close(fd);
    }
}

static void test_what_is_no_fastcgi_is_refused(void **state) {
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        {"", 0},
        {"\1", 1},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27},
        {"\0\0\0\0\0\0\0\0", 8},
        {"\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16},
        {"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16}, /* and no parameters */
        {"\1\1\0\1\0\7\0\0\0\1\0\0\0\0\0", 15},    /* a begin that is too short */
        {"\1\4\0\1\0\0\0\0", 8},                   /* parameters without a begin */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (accept_bytes(rows[i].bytes, rows[i].length) != -EPROTO)
            fail_msg("row %zu is taken", i);
}

/* A kept connection would pin the lane to it. */
static void test_connection_is_closed_even_when_the_peer_wants_to_keep_it(void **state) {
    static unsigned char request[4096];
    const size_t length = client_build(request, sizeof request, no_params, "", 0);
    struct fcgi_connection connection = {0};
    struct client_reply reply;
    const int fd = client_connect(listen_fd);
    char waste[1];

    (void)state;
    request[10] = 1; /* FCGI_KEEP_CONN, in the body of the begin */
    client_send(fd, request, length, false);
    assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), 0);
    assert_int_equal(fcgi_read_body(&connection, waste, sizeof waste), 0);
    assert_int_equal(fcgi_reply(&connection, "Status: 200 OK\r\n", "x", 1), 0);
    fcgi_finish(&connection);
    client_receive(fd, &reply);
    assert_true(reply.complete);
    assert_int_equal(reply.length, 1);
}

static void test_one_connection_serves_one_request_after_the_other(void **state) {
    struct fcgi_connection connection = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        const struct client_param params[] = {{"N", i % 2 != 0 ? "odd" : "even"}, {NULL, NULL}};
        struct client_reply reply;
        const int fd = client_request(listen_fd, params, "", 0);
        char waste[1];

        assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), 0);
        assert_string_equal(fcgi_param(&connection, "N"), params[0].value);
        fcgi_read_body(&connection, waste, sizeof waste);
        assert_int_equal(fcgi_reply(&connection, "Status: 200 OK\r\n", "x", 1), 0);
        fcgi_finish(&connection);
        client_receive(fd, &reply);
        assert_true(reply.complete);
    }
}

/* The connection's socket must not leak into a program that is started meanwhile. */
static void test_connection_closes_on_exec(void **state) {
    struct fcgi_connection connection = {0};
    const int fd = client_request(listen_fd, no_params, "", 0);

    (void)state;
    assert_int_equal(support_accept(&connection, listen_fd, TIMEOUT_MS), 0);
    assert_true((fcntl(connection.request.ipcFd, F_GETFD) & FD_CLOEXEC) != 0);
    fcgi_finish(&connection);
    close(fd);
}

/* A worker looks at a connection before it reads from it. */
static void test_arrival_is_seen_without_waiting(void **state) {
    struct fcgi_connection connection = {0};
    const int peer = client_connect(listen_fd);

    (void)state;
    assert_int_equal(fcgi_accept(&connection, listen_fd, TIMEOUT_MS), 0);
    assert_false(connection.open);
    assert_false(fcgi_arrived(&connection));
    client_send(peer, "x", 1, false);
    assert_true(fcgi_arrived(&connection));
    fcgi_drop(&connection);
    close(peer);
}

static void test_peer_that_leaves_has_arrived(void **state) {
    struct fcgi_connection connection = {0};
    const int peer = client_connect(listen_fd);

    (void)state;
    assert_int_equal(fcgi_accept(&connection, listen_fd, TIMEOUT_MS), 0);
    close(peer);
    assert_true(fcgi_arrived(&connection));
    assert_int_equal(fcgi_begin(&connection, TIMEOUT_MS), -EPROTO);
}

static void test_dropped_connection_is_closed(void **state) {
    struct fcgi_connection connection = {0};
    const int peer = client_connect(listen_fd);
    char byte;

    (void)state;
    assert_int_equal(fcgi_accept(&connection, listen_fd, TIMEOUT_MS), 0);
    fcgi_drop(&connection);
    assert_int_equal(read(peer, &byte, 1), 0);
    close(peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrival_is_seen_without_waiting),
        cmocka_unit_test(test_peer_that_leaves_has_arrived),
        cmocka_unit_test(test_dropped_connection_is_closed),
        cmocka_unit_test(test_nothing_waits),
        cmocka_unit_test(test_parameters_arrive),
        cmocka_unit_test(test_body_is_read_to_its_end_and_no_more_is_kept),
        cmocka_unit_test(test_body_cut_short_is_an_error),
        cmocka_unit_test(test_reply_has_head_empty_line_and_body),
        cmocka_unit_test(test_reply_to_a_closed_peer_is_an_error),
        cmocka_unit_test(test_client_that_left_is_seen),
        cmocka_unit_test(test_silent_peer_times_out),
        cmocka_unit_test(test_parameters_cut_short_are_refused),
        cmocka_unit_test(test_peer_that_stops_half_way_times_out),
        cmocka_unit_test(test_what_is_no_fastcgi_is_refused),
        cmocka_unit_test(test_connection_is_closed_even_when_the_peer_wants_to_keep_it),
        cmocka_unit_test(test_one_connection_serves_one_request_after_the_other),
        cmocka_unit_test(test_connection_closes_on_exec),
    };

    return cmocka_run_group_tests_name("fcgi", tests, set_up, tear_down);
}
