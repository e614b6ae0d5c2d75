#include "support.h"

#include "client.h"
#include "netqueue.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int netlink_fd;

static int set_up(void **state) {
    (void)state;
    assert_int_equal(netqueue_open(&netlink_fd), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return close(netlink_fd);
}

static void expect_queue(int listen_fd, uint32_t depth, uint32_t limit) {
    uint32_t found_depth = 999;
    uint32_t found_limit = 999;

    assert_int_equal(netqueue_get(netlink_fd, listen_fd, &found_depth, &found_limit), 0);
    assert_int_equal(found_depth, depth);
    assert_int_equal(found_limit, limit);
}

static void test_depth_follows_the_connections_that_wait(void **state) {
    const int listen_fd = client_listen(7);
    int waiting[3];

    (void)state;
    expect_queue(listen_fd, 0, 7);
    for (uint32_t i = 0; i < COUNT(waiting); i++) {
        waiting[i] = client_connect(listen_fd);
        expect_queue(listen_fd, i + 1, 7);
    }
    close(accept(listen_fd, NULL, NULL));
    expect_queue(listen_fd, 2, 7);
    for (size_t i = 0; i < COUNT(waiting); i++)
        close(waiting[i]);
    close(listen_fd);
}

static void test_sockets_are_told_apart(void **state) {
    const int first = client_listen(5);
    const int second = client_listen(6);
    const int waiting = client_connect(second);

    (void)state;
    expect_queue(first, 0, 5);
    expect_queue(second, 1, 6);
    close(waiting);
    close(first);
    close(second);
}

static void test_what_is_no_unix_socket_is_not_there(void **state) {
    uint32_t depth = 7;
    uint32_t limit = 8;
    const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(netqueue_get(netlink_fd, file, &depth, &limit), -ENOENT);
    close(file);
    assert_int_equal(netqueue_get(netlink_fd, file, &depth, &limit), -EBADF);
    assert_int_equal(depth, 7);
    assert_int_equal(limit, 8);
}

/* An answer nobody took must not be taken for that to the next question. */
static void test_answer_left_over_is_thrown_away(void **state) {
    const int first = client_listen(5);
    const int second = client_listen(6);
    const int duplicate = dup(netlink_fd);
    uint32_t depth;
    uint32_t limit;

    (void)state;
    /* Two questions at once: the sockets' limits in one another's place would show. */
    for (int i = 0; i < 50; i++) {
        assert_int_equal(netqueue_get(duplicate, first, &depth, &limit), 0);
        assert_int_equal(limit, 5);
        assert_int_equal(netqueue_get(netlink_fd, second, &depth, &limit), 0);
        assert_int_equal(limit, 6);
    }
    close(duplicate);
    close(first);
    close(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth_follows_the_connections_that_wait),
        cmocka_unit_test(test_sockets_are_told_apart),
        cmocka_unit_test(test_what_is_no_unix_socket_is_not_there),
        cmocka_unit_test(test_answer_left_over_is_thrown_away),
    };

    return cmocka_run_group_tests_name("netqueue", tests, set_up, tear_down);
}
