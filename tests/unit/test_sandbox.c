#include "support.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int harden(void *context) {
    struct rlimit core;

    (void)context;
    EXPECT(sandbox_harden() == 0);
    EXPECT(getrlimit(RLIMIT_CORE, &core) == 0);
    EXPECT(core.rlim_cur == 0 && core.rlim_max == 0);
    EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
    return 0;
}

static void test_no_core_no_new_privileges_not_dumpable(void **state) {
    (void)state;
    assert_int_equal(support_fork(harden, NULL), 0);
}

static int become(void *context) {
    const struct passwd *nobody = getpwnam("nobody");
    const uid_t before = getuid();
    const gid_t roots[] = {0, 4};
    gid_t groups[64];
    int count;

    (void)context;
    EXPECT(sandbox_become("") == 0);
    EXPECT(getuid() == before);
    EXPECT(sandbox_become("no-such-user") == -ENOENT);
    EXPECT(nobody != NULL);
    if (before != 0) {
        EXPECT(sandbox_become("nobody") == -EPERM);
        return 0;
    }
    EXPECT(setgroups(COUNT(roots), roots) == 0);
    EXPECT(sandbox_become("nobody") == 0);
    EXPECT(getuid() == nobody->pw_uid && geteuid() == nobody->pw_uid);
    EXPECT(getgid() == nobody->pw_gid && getegid() == nobody->pw_gid);
    count = getgroups(COUNT(groups), groups);
    EXPECT(count >= 0);
    for (int i = 0; i < count; i++)
        EXPECT(groups[i] != 0 && groups[i] != 4);
    EXPECT(setuid(0) < 0);
    return 0;
}

static void test_root_becomes_another_user_for_good(void **state) {
    (void)state;
    assert_int_equal(support_fork(become, NULL), 0);
}

#if SUPPORT_SANITIZER

static int enter(void *context) {
    (void)context;
    return sandbox_enter() == 0 ? 0 : 1;
}

/* The filter itself is tested by the builds without a sanitizer. */
static void test_sanitizer_builds_enter_without_a_filter(void **state) {
    (void)state;
    assert_int_equal(support_fork(enter, NULL), 0);
}

#else

static int serve(void *context) {
    char *memory;
    struct timespec now;
    int sockets[2];

    (void)context;
    if (pipe(sockets) < 0 || sandbox_enter() < 0)
        return 1;
    /* What a worker does: the heap, small and large, the clock, reading and writing. */
    memory = malloc(16 * 1024 * 1024);
    if (memory == NULL)
        return 2;
    memory = realloc(memory, 32 * 1024 * 1024);
    if (memory == NULL)
        return 3;
    free(memory);
    if (clock_gettime(CLOCK_REALTIME, &now) < 0 || write(sockets[1], "x", 1) != 1)
        return 4;
    close(sockets[0]);
    return 0;
}

static void test_worker_can_do_its_work(void **state) {
    (void)state;
    assert_int_equal(support_fork(serve, NULL), 0);
}

static int open_file(void *context) {
    (void)context;
    if (sandbox_enter() < 0)
        return 1;
    return open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? 2 : 3;
}

static int make_process(void *context) {
    (void)context;
    if (sandbox_enter() < 0)
        return 1;
    return fork() < 0 ? 2 : 3;
}

static int make_socket(void *context) {
    (void)context;
    if (sandbox_enter() < 0)
        return 1;
    return socket(AF_INET, SOCK_STREAM, 0) < 0 ? 2 : 3;
}

static int run_program(void *context) {
    char program[] = "/bin/true";
    char *const argv[] = {program, NULL};

    (void)context;
    if (sandbox_enter() < 0)
        return 1;
    execv(program, argv);
    return 2;
}

static int map_executable(void *context) {
    (void)context;
    if (sandbox_enter() < 0)
        return 1;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? 2
               : 3;
}

static int make_executable(void *context) {
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)context;
    if (memory == MAP_FAILED || sandbox_enter() < 0)
        return 1;
    return mprotect(memory, 4096, PROT_READ | PROT_EXEC) < 0 ? 2 : 3;
}

static int kill_another(void *context) {
    (void)context;
    if (sandbox_enter() < 0)
        return 1;
    return kill(getppid(), 0) < 0 ? 2 : 3;
}

static void test_breach_kills_the_process(void **state) {
    static int (*const bodies[])(void *) = {open_file,   make_process,   make_socket,
                                            run_program, map_executable, make_executable,
                                            kill_another};

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        const int status = support_fork(bodies[i], NULL);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("breach %zu ends with status %d", i, status);
    }
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_core_no_new_privileges_not_dumpable),
        cmocka_unit_test(test_root_becomes_another_user_for_good),
#if SUPPORT_SANITIZER
        cmocka_unit_test(test_sanitizer_builds_enter_without_a_filter),
#else
        cmocka_unit_test(test_worker_can_do_its_work),
        cmocka_unit_test(test_breach_kills_the_process),
#endif
    };

    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
