#include "child.h"

#include "clock.h"
#include "fcgi.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;
static volatile sig_atomic_t orphaned;
static sigset_t wait_mask; /* the signals blocked while waiting: none */

static void on_stop(int signal_number) {
    (void)signal_number;
    stop_asked = 1;
}

static void on_orphaned(int signal_number) {
    (void)signal_number;
    orphaned = 1;
    stop_asked = 1;
}

static int handle(int signal_number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    return sigaction(signal_number, &action, NULL) < 0 ? -errno : 0;
}

static int install_handlers(void) {
    /* A terminal sends SIGINT and SIGHUP to the whole group; the master alone acts on them. */
    static const int ignored[] = {SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGQUIT};
    int result = handle(SIGTERM, on_stop);

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0] && result == 0; i++)
        result = handle(ignored[i], SIG_IGN);
    if (result == 0)
        result = handle(SIGUSR2, on_orphaned);
    if (result == 0)
        result = handle(SIGCHLD, SIG_DFL);
    return result;
}

int child_init(pid_t master) {
    sigset_t blocked;
    int result = fcgi_init();

    if (result < 0)
        return result;
    stop_asked = 0;
    orphaned = 0;
    result = install_handlers();
    if (result < 0)
        return result;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGUSR2);
    if (sigprocmask(SIG_SETMASK, &blocked, NULL) < 0)
        return -errno;
    sigemptyset(&wait_mask);
    if (prctl(PR_SET_PDEATHSIG, SIGUSR2) < 0)
        return -errno;
    /* The master may have died before the line above. */
    if (getppid() != master)
        on_orphaned(0);
    return 0;
}

bool child_stop_asked(void) {
    const struct timespec now = {0};

    /* A process that always has work never waits; the signal is let in here as well. */
    if (stop_asked == 0 && ppoll(NULL, 0, &now, &wait_mask) < 0 && errno != EINTR)
        return true;
    return stop_asked != 0;
}

bool child_orphaned(void) {
    return orphaned != 0;
}

int child_wait(struct pollfd *entries, nfds_t count, int timeout_ms) {
    struct timespec limit;

    if (stop_asked != 0)
        timeout_ms = 0;
    limit.tv_sec = timeout_ms / 1000;
    limit.tv_nsec = (long)(timeout_ms % 1000) * 1000000;
    if (ppoll(entries, count, timeout_ms < 0 ? NULL : &limit, &wait_mask) < 0 && errno != EINTR)
        return -errno;
    return 0;
}

/* A connection that could not be accepted. */
static void log_accept_failure(int result) {
    static struct log_limit limit;
    uint64_t suppressed;

    if (log_allow(&limit, clock_monotonic_ns(), &suppressed))
        log_event(
            LOG_ERR, "accept_failed", "a connection could not be accepted",
            LOG_FIELDS(LOG_TEXT("error", strerror(-result)), LOG_NUMBER("suppressed", suppressed)));
}

bool child_note_accept_error(struct stats *stats, int result) {
    static struct log_limit limits[STATS_FCGI_ERRORS];
    const enum stats_fcgi_error error =
        result == -ETIMEDOUT ? STATS_FCGI_TIMEOUT : STATS_FCGI_PROTOCOL;
    uint64_t suppressed;

    if (result != -ETIMEDOUT && result != -EPROTO) {
        log_accept_failure(result);
        return false;
    }
    stats_add(&stats->fcgi_errors[error], 1);
    if (log_allow(&limits[error], clock_monotonic_ns(), &suppressed))
        log_event(LOG_WARNING, "fcgi_error", "a connection did not carry a FastCGI request",
                  LOG_FIELDS(LOG_TEXT("reason", stats_fcgi_error_name(error)),
                             LOG_NUMBER("suppressed", suppressed)));
    return true;
}

int child_report_ready(int ready_fd) {
    const uint64_t one = 1;

    return write(ready_fd, &one, sizeof one) < 0 ? -errno : 0;
}
