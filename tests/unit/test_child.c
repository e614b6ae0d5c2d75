/* Everything here runs in forked children: it is about signals and the death of a parent. */
#include "support.h"

#include "child.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_in_child(int (*body)(void *context)) {
    assert_int_equal(support_fork(body, NULL), 0);
}

static bool is_pending(int signal_number) {
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, signal_number) == 1;
}

static int stop_while_working(void *context) {
    (void)context;
    EXPECT(child_init(getppid()) == 0);
    EXPECT(!child_stop_asked());
    raise(SIGTERM);
    EXPECT(is_pending(SIGTERM));
    EXPECT(child_stop_asked());
    EXPECT(!is_pending(SIGTERM));
    EXPECT(child_stop_asked());
    return 0;
}

/* Nothing that is being done is interrupted, and a child that never waits hears it too. */
static void test_sigterm_waits_until_it_is_asked_for(void **state) {
    (void)state;
    test_in_child(stop_while_working);
}

static int stop_while_waiting(void *context) {
    (void)context;
    EXPECT(child_init(getppid()) == 0);
    raise(SIGTERM);
    EXPECT(is_pending(SIGTERM));
    EXPECT(child_wait(NULL, 0, -1) == 0);
    EXPECT(child_stop_asked());
    return 0;
}

static void test_sigterm_ends_a_wait(void **state) {
    (void)state;
    test_in_child(stop_while_waiting);
}

static int wait_after_stop(void *context) {
    static const int timeouts_ms[] = {-1, 0, 1, 600000};

    (void)context;
    EXPECT(child_init(getppid()) == 0);
    raise(SIGTERM);
    EXPECT(child_wait(NULL, 0, -1) == 0);
    /* The alarm of support_fork() ends one that sleeps. */
    for (size_t i = 0; i < COUNT(timeouts_ms); i++)
        EXPECT(child_wait(NULL, 0, timeouts_ms[i]) == 0);
    return 0;
}

static void test_no_wait_once_a_stop_was_asked_for(void **state) {
    (void)state;
    test_in_child(wait_after_stop);
}

static int wait_for_input(void *context) {
    struct pollfd entries[2];
    int first[2];
    int second[2];

    (void)context;
    EXPECT(child_init(getppid()) == 0);
    EXPECT(pipe(first) == 0 && pipe(second) == 0);
    entries[0] = (struct pollfd){.fd = first[0], .events = POLLIN};
    entries[1] = (struct pollfd){.fd = second[0], .events = POLLIN};
    EXPECT(child_wait(entries, 2, 1) == 0);
    EXPECT(entries[0].revents == 0 && entries[1].revents == 0);
    EXPECT(write(second[1], "x", 1) == 1);
    EXPECT(child_wait(entries, 2, -1) == 0);
    EXPECT(entries[0].revents == 0 && entries[1].revents == POLLIN);
    EXPECT(!child_stop_asked());
    return 0;
}

static void test_wait_ends_with_input_or_its_time(void **state) {
    (void)state;
    test_in_child(wait_for_input);
}

static int ignore_signals(void *context) {
    static const int ignored[] = {SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGQUIT};

    (void)context;
    EXPECT(child_init(getppid()) == 0);
    for (size_t i = 0; i < COUNT(ignored); i++)
        raise(ignored[i]);
    EXPECT(child_wait(NULL, 0, 0) == 0);
    EXPECT(!child_stop_asked());
    return 0;
}

/* A terminal sends them to the whole group; the master alone acts on them. */
static void test_signals_of_a_terminal_are_ignored(void **state) {
    (void)state;
    test_in_child(ignore_signals);
}

static int master_is_gone(void *context) {
    (void)context;
    /* Not this one's parent: it died between the fork and here. */
    EXPECT(child_init(getpid()) == 0);
    EXPECT(child_stop_asked());
    return 0;
}

static void test_master_that_died_before_is_noticed(void **state) {
    (void)state;
    test_in_child(master_is_gone);
}

struct pipes {
    int ready[2];
    int stopped[2];
};

/* The child of a master that ends as soon as the child is ready. */
static int outlive(const struct pipes *pipes, pid_t master) {
    EXPECT(child_init(master) == 0);
    EXPECT(!child_stop_asked());
    EXPECT(write(pipes->ready[1], "r", 1) == 1);
    EXPECT(child_wait(NULL, 0, -1) == 0);
    EXPECT(child_stop_asked());
    EXPECT(write(pipes->stopped[1], "s", 1) == 1);
    return 0;
}

static int be_master(void *context) {
    const struct pipes *pipes = context;
    const pid_t master = getpid();
    char byte;

    if (fork() == 0) {
        alarm(30);
        _exit(outlive(pipes, master));
    }
    EXPECT(read(pipes->ready[0], &byte, 1) == 1);
    return 0;
}

static void test_death_of_the_master_stops(void **state) {
    struct pipes pipes;
    char byte;

    (void)state;
    assert_int_equal(pipe(pipes.ready), 0);
    assert_int_equal(pipe(pipes.stopped), 0);
    assert_int_equal(support_fork(be_master, &pipes), 0);
    /* Closed here, so that the end of the orphan would end the reading. */
    close(pipes.stopped[1]);
    assert_int_equal(read(pipes.stopped[0], &byte, 1), 1);
    close(pipes.stopped[0]);
    close(pipes.ready[0]);
    close(pipes.ready[1]);
}

static void test_ready_is_counted(void **state) {
    const int ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    uint64_t count = 0;

    (void)state;
    assert_int_equal(child_report_ready(ready_fd), 0);
    assert_int_equal(child_report_ready(ready_fd), 0);
    assert_int_equal(read(ready_fd, &count, sizeof count), sizeof count);
    assert_int_equal(count, 2);
    close(ready_fd);
    assert_int_equal(child_report_ready(ready_fd), -EBADF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sigterm_waits_until_it_is_asked_for),
        cmocka_unit_test(test_sigterm_ends_a_wait),
        cmocka_unit_test(test_no_wait_once_a_stop_was_asked_for),
        cmocka_unit_test(test_wait_ends_with_input_or_its_time),
        cmocka_unit_test(test_signals_of_a_terminal_are_ignored),
        cmocka_unit_test(test_master_that_died_before_is_noticed),
        cmocka_unit_test(test_death_of_the_master_stops),
        cmocka_unit_test(test_ready_is_counted),
    };

    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
