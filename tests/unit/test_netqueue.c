#include "support.h"

#include "client.h"
#include "netqueue.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* Asks the kernel and leaves the answer where it is. */
static void leave_an_answer(int listen_fd) {
    struct {
        struct nlmsghdr header;
        struct unix_diag_req body;
    } question = {
        .header = {.nlmsg_len = sizeof question,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = UINT32_MAX,
                 .udiag_show = UDIAG_SHOW_RQLEN,
                 .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
    };
    struct stat status;

    assert_int_equal(fstat(listen_fd, &status), 0);
    question.body.udiag_ino = (uint32_t)status.st_ino;
    assert_int_equal(send(netlink_fd, &question, sizeof question, 0), sizeof question);
}

static void test_answer_that_came_too_late_is_thrown_away(void **state) {
    const int first = client_listen(5);
    const int second = client_listen(6);

    (void)state;
    leave_an_answer(first);
    leave_an_answer(first);
    expect_queue(second, 0, 6);
    close(first);
    close(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth_follows_the_connections_that_wait),
        cmocka_unit_test(test_sockets_are_told_apart),
        cmocka_unit_test(test_what_is_no_unix_socket_is_not_there),
        cmocka_unit_test(test_answer_that_came_too_late_is_thrown_away),
    };

    return cmocka_run_group_tests_name("netqueue", tests, set_up, tear_down);
}
