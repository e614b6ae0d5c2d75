#include "support.h"

#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char directory[48];
static struct options options;
static char error[OPTIONS_ERROR_SIZE];

static int set_up(void **state) {
    (void)state;
    support_make_directory(directory, sizeof directory);
    options = support_options();
    snprintf(options.socket_dir, sizeof options.socket_dir, "%s", directory);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    support_remove_directory(directory);
    return 0;
}

static bool exists(const char *path) {
    struct stat status;

    return lstat(path, &status) == 0;
}

static const char *path_of(const char *name) {
    static char path[OPTIONS_TEXT_SIZE];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* Connects to a socket file. Returns 0 or -errno. */
static int try_connect(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;

    assert_true(fd >= 0 && strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    result = connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
    close(fd);
    return result;
}

static void expect_error(const char *part) {
    if (strstr(error, part) == NULL)
        fail_msg("\"%s\" does not name \"%s\"", error, part);
}

static void test_pool_and_status_sockets_are_made(void **state) {
    struct listener listener;

    (void)state;
    options.pool_size = 3;
    assert_int_equal(listener_open(&options, &listener, error), 0);
    assert_false(listener.inherited);
    assert_int_equal(listener.pool_size, 3);
    for (unsigned i = 0; i < 3; i++) {
        char name[32];

        snprintf(name, sizeof name, "pool-%u.sock", i);
        assert_string_equal(listener.pool_path[i], path_of(name));
        assert_int_equal(try_connect(listener.pool_path[i]), 0);
    }
    assert_string_equal(listener.status_path, path_of("status.sock"));
    assert_int_equal(try_connect(listener.status_path), 0);
    listener_unlink(&listener);
    listener_close(&listener);
}

static void test_sockets_do_not_block_and_close_on_exec(void **state) {
    struct listener listener;

    (void)state;
    assert_int_equal(listener_open(&options, &listener, error), 0);
    assert_true((fcntl(listener.pool[0], F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(listener.status, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(listener.pool[0], F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(listener.status, F_GETFD) & FD_CLOEXEC) != 0);
    listener_unlink(&listener);
    listener_close(&listener);
}

static void test_mode_is_the_option_whatever_the_umask(void **state) {
    static const unsigned modes[] = {0600, 0660, 0666};

    (void)state;
    for (size_t i = 0; i < COUNT(modes); i++) {
        const mode_t old_mask = umask(0077);
        struct listener listener;
        struct stat status;

        options.socket_mode = modes[i];
        assert_int_equal(listener_open(&options, &listener, error), 0);
        assert_int_equal(stat(listener.pool_path[0], &status), 0);
        assert_int_equal(status.st_mode & 07777, modes[i]);
        assert_int_equal(umask(old_mask), 0077);
        listener_unlink(&listener);
        listener_close(&listener);
    }
}

static void test_group_is_set(void **state) {
    const struct group *own = getgrgid(getegid());
    struct listener listener;
    struct stat status;

    (void)state;
    assert_non_null(own);
    snprintf(options.socket_group, sizeof options.socket_group, "%s", own->gr_name);
    assert_int_equal(listener_open(&options, &listener, error), 0);
    assert_int_equal(stat(listener.pool_path[0], &status), 0);
    assert_int_equal(status.st_gid, getegid());
    listener_unlink(&listener);
    listener_close(&listener);
}

static void test_unknown_group_is_named(void **state) {
    struct listener listener;

    (void)state;
    strcpy(options.socket_group, "no-such-group");
    assert_true(listener_open(&options, &listener, error) < 0);
    expect_error("socket-group");
    expect_error("pool-0.sock");
}

static void test_directory_is_made(void **state) {
    struct listener listener;

    (void)state;
    strcpy(options.socket_dir, path_of("new"));
    assert_int_equal(listener_open(&options, &listener, error), 0);
    assert_int_equal(try_connect(listener.status_path), 0);
    listener_unlink(&listener);
    listener_close(&listener);
    assert_int_equal(rmdir(path_of("new")), 0);
}

static void test_directory_that_cannot_be_made_is_named(void **state) {
    struct listener listener;

    (void)state;
    strcpy(options.socket_dir, path_of("a/b"));
    assert_int_equal(listener_open(&options, &listener, error), -ENOENT);
    expect_error("socket-dir");
    expect_error(path_of("a/b"));
}

static void test_stale_files_are_replaced(void **state) {
    struct listener old;
    struct listener listener;

    (void)state;
    assert_int_equal(listener_open(&options, &old, error), 0);
    listener_close(&old);
    assert_true(exists(path_of("pool-0.sock")));
    assert_int_equal(try_connect(path_of("pool-0.sock")), -ECONNREFUSED);
    assert_int_equal(listener_open(&options, &listener, error), 0);
    assert_int_equal(try_connect(path_of("pool-0.sock")), 0);
    listener_unlink(&listener);
    listener_close(&listener);
}

/* Of a running instance nothing may be taken away, and nothing half made may stay. */
static void test_served_socket_is_left_alone(void **state) {
    struct listener running;
    struct listener listener;

    (void)state;
    options.pool_size = 1;
    options.backlog = 1;
    assert_int_equal(listener_open(&options, &running, error), 0);
    unlink(running.pool_path[0]);
    /* Now pool-0 could be made, but the status socket is served. */
    assert_int_equal(listener_open(&options, &listener, error), -EADDRINUSE);
    expect_error("status.sock");
    expect_error("another process");
    assert_false(exists(path_of("pool-0.sock")));
    assert_int_equal(try_connect(running.status_path), 0);
    /* Its queue may even be full. */
    assert_int_equal(listener_open(&options, &listener, error), -EADDRINUSE);
    assert_int_equal(listener_open(&options, &listener, error), -EADDRINUSE);
    assert_true(exists(running.status_path));
    listener_unlink(&running);
    listener_close(&running);
}

static void test_unlink_in_two_steps(void **state) {
    struct listener listener;

    (void)state;
    assert_int_equal(listener_open(&options, &listener, error), 0);
    listener_refuse(&listener);
    assert_false(exists(path_of("pool-0.sock")));
    assert_false(exists(path_of("pool-1.sock")));
    assert_true(exists(path_of("status.sock")));
    listener_unlink(&listener);
    assert_false(exists(path_of("status.sock")));
    listener_close(&listener);
    assert_int_equal(listener.pool_size, 0);
    assert_int_equal(listener.status, -1);
    listener_close(&listener);
}

static void test_longest_directory_has_room_for_every_socket(void **state) {
    struct listener listener;
    char *path = options.socket_dir;
    const size_t longest = OPTIONS_TEXT_SIZE - 1 - strlen("/pool-15.sock");

    (void)state;
    options.pool_size = 16;
    strcat(path, "/");
    while (strlen(path) < longest)
        strcat(path, "d");
    assert_int_equal(options_validate(&options, error), 0);
    assert_int_equal(listener_open(&options, &listener, error), 0);
    assert_int_equal(try_connect(listener.pool_path[15]), 0);
    listener_unlink(&listener);
    listener_close(&listener);
    assert_int_equal(rmdir(path), 0);
}

#define SYSTEMD_FIRST 3

/* A socket as systemd would pass it, at this number. */
static void pass_socket(int number, const char *path, bool listening) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    EXPECT(fd >= 0);
    strcpy(address.sun_path, path);
    EXPECT(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    EXPECT(!listening || listen(fd, 4) == 0);
    if (fd != number) {
        EXPECT(dup2(fd, number) == number);
        close(fd);
    }
}

static void announce(int count) {
    char number[16];

    snprintf(number, sizeof number, "%d", count);
    setenv("LISTEN_FDS", number, 1);
    snprintf(number, sizeof number, "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
}

/* Keeps the numbers that sockets are passed at free of what the test has open. */
static void free_numbers(int count) {
    for (int fd = SYSTEMD_FIRST; fd < SYSTEMD_FIRST + count; fd++)
        close(fd);
}

static int take_over(void *context) {
    struct listener listener;

    (void)context;
    free_numbers(3);
    pass_socket(3, path_of("a.sock"), true);
    pass_socket(4, path_of("status.sock"), true);
    pass_socket(5, path_of("b.sock"), true);
    announce(3);
    EXPECT(listener_open(&options, &listener, error) == 0);
    EXPECT(listener.inherited);
    EXPECT(listener.pool_size == 2);
    EXPECT(listener.pool[0] == 3 && listener.pool[1] == 5 && listener.status == 4);
    EXPECT(strcmp(listener.pool_path[0], path_of("a.sock")) == 0);
    EXPECT(strcmp(listener.status_path, path_of("status.sock")) == 0);
    EXPECT((fcntl(3, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(4, F_GETFL) & O_NONBLOCK) != 0);
    EXPECT((fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(4, F_GETFD) & FD_CLOEXEC) != 0);
    /* They stay systemd's. */
    listener_unlink(&listener);
    EXPECT(exists(path_of("a.sock")) && exists(path_of("status.sock")));
    /* A child process must not take them for its own. */
    EXPECT(getenv("LISTEN_FDS") == NULL && getenv("LISTEN_PID") == NULL);
    listener_close(&listener);
    return 0;
}

static void test_sockets_from_systemd_are_taken_over(void **state) {
    (void)state;
    assert_int_equal(support_fork(take_over, NULL), 0);
}

static int take_over_without_status(void *context) {
    struct listener listener;

    (void)context;
    free_numbers(2);
    pass_socket(3, path_of("a.sock"), true);
    pass_socket(4, path_of("b.sock"), true);
    announce(2);
    EXPECT(listener_open(&options, &listener, error) == -EINVAL);
    EXPECT(strstr(error, "status.sock") != NULL);
    EXPECT(exists(path_of("a.sock")));
    return 0;
}

static int take_over_without_pool(void *context) {
    struct listener listener;

    (void)context;
    free_numbers(1);
    pass_socket(3, path_of("status.sock"), true);
    announce(1);
    EXPECT(listener_open(&options, &listener, error) == -EINVAL);
    EXPECT(strstr(error, "pool") != NULL);
    return 0;
}

static int take_over_what_does_not_listen(void *context) {
    struct listener listener;

    (void)context;
    free_numbers(1);
    pass_socket(3, path_of("a.sock"), false);
    announce(1);
    EXPECT(listener_open(&options, &listener, error) == -EINVAL);
    EXPECT(strstr(error, "not a listening unix stream socket") != NULL);
    return 0;
}

static int take_over_what_is_no_unix_socket(void *context) {
    struct listener listener;

    (void)context;
    free_numbers(1);
    EXPECT(open("/dev/null", O_RDONLY) == SYSTEMD_FIRST);
    announce(1);
    EXPECT(listener_open(&options, &listener, error) == -EINVAL);
    return 0;
}

static int take_over_too_many(void *context) {
    struct listener listener;

    (void)context;
    free_numbers(LISTENER_POOL_MAX + 2);
    for (int i = 0; i < LISTENER_POOL_MAX + 2; i++) {
        char name[32];

        snprintf(name, sizeof name, i == 0 ? "status.sock" : "many-%d.sock", i);
        pass_socket(SYSTEMD_FIRST + i, path_of(name), true);
    }
    announce(LISTENER_POOL_MAX + 2);
    EXPECT(listener_open(&options, &listener, error) == -E2BIG);
    return 0;
}

static void test_unusable_sockets_from_systemd_are_refused(void **state) {
    static int (*const bodies[])(void *) = {
        take_over_without_status,         take_over_without_pool, take_over_what_does_not_listen,
        take_over_what_is_no_unix_socket, take_over_too_many,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        assert_int_equal(support_fork(bodies[i], NULL), 0);
        support_remove_directory(directory);
        assert_int_equal(mkdir(directory, 0700), 0);
    }
}

/* LISTEN_PID names whom they are for. */
static int ignore_those_of_another(void *context) {
    struct listener listener;

    (void)context;
    announce(3);
    setenv("LISTEN_PID", "1", 1);
    EXPECT(listener_open(&options, &listener, error) == 0);
    EXPECT(!listener.inherited);
    listener_unlink(&listener);
    listener_close(&listener);
    return 0;
}

static void test_sockets_for_another_process_are_ignored(void **state) {
    (void)state;
    assert_int_equal(support_fork(ignore_those_of_another, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_pool_and_status_sockets_are_made),
        TEST(test_sockets_do_not_block_and_close_on_exec),
        TEST(test_mode_is_the_option_whatever_the_umask),
        TEST(test_group_is_set),
        TEST(test_unknown_group_is_named),
        TEST(test_directory_is_made),
        TEST(test_directory_that_cannot_be_made_is_named),
        TEST(test_stale_files_are_replaced),
        TEST(test_served_socket_is_left_alone),
        TEST(test_unlink_in_two_steps),
        TEST(test_longest_directory_has_room_for_every_socket),
        TEST(test_sockets_from_systemd_are_taken_over),
        TEST(test_unusable_sockets_from_systemd_are_refused),
        TEST(test_sockets_for_another_process_are_ignored),
    };

    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
