#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int sandbox_harden(void) {
    const struct rlimit no_core = {0, 0};

    if (setrlimit(RLIMIT_CORE, &no_core) < 0)
        return -errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    return 0;
}

int sandbox_become(const char *user) {
    const struct passwd *entry;

    if (user[0] == '\0')
        return 0;
    errno = 0;
    entry = getpwnam(user);
    if (entry == NULL)
        return errno != 0 ? -errno : -ENOENT;
    if (initgroups(user, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0 ||
        setuid(entry->pw_uid) < 0)
        return -errno;
    return 0;
}

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_NO_FILTER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_NO_FILTER 1
#endif
#endif

#ifdef SANDBOX_NO_FILTER

/* A sanitizer needs system calls of its own that nobody lists. */
int sandbox_enter(void) {
    return 0;
}

#else

/* Serving: accept, read, write, close, wait; the heap; time and random numbers; the log. (accept:
 * libfcgi tries the socket -1 after a broken request, see fcgi.c.) */
static const int allowed_calls[] = {
    SCMP_SYS(accept),          SCMP_SYS(accept4),      SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),   SCMP_SYS(close),        SCMP_SYS(exit),
    SCMP_SYS(exit_group),      SCMP_SYS(fstat),        SCMP_SYS(futex),
    SCMP_SYS(getpid),          SCMP_SYS(getrandom),    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),    SCMP_SYS(madvise),      SCMP_SYS(mremap),
    SCMP_SYS(munmap),          SCMP_SYS(newfstatat),   SCMP_SYS(poll),
    SCMP_SYS(ppoll),           SCMP_SYS(read),         SCMP_SYS(readv),
    SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),    SCMP_SYS(sendmsg),      SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown),        SCMP_SYS(tgkill),       SCMP_SYS(write),
    SCMP_SYS(writev),
};

static int allow_call(scmp_filter_ctx filter, int call) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

/* Memory may be had, but never such that can be executed. */
static int allow_without_execution(scmp_filter_ctx filter, int call) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

int sandbox_enter(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int result = 0;

    if (filter == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < sizeof allowed_calls / sizeof allowed_calls[0] && result == 0; i++)
        result = allow_call(filter, allowed_calls[i]);
    if (result == 0)
        result = allow_without_execution(filter, SCMP_SYS(mmap));
    if (result == 0)
        result = allow_without_execution(filter, SCMP_SYS(mprotect));
    /* What the journal's client tries when its socket is full; it gives the line up then. */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(memfd_create), 0);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result;
}

#endif
