#include "master.h"

#include "clock.h"
#include "log.h"
#include "supervisor.h"
#include "version.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS (250 * CLOCK_NS_PER_MS)         /* how often hung children are looked for */
#define STATUS_STOP_NS (1000 * CLOCK_NS_PER_MS) /* the status process has nothing to finish */

struct master {
    const struct options *options;
    const struct listener *listener;
    struct scoreboard *scoreboard;
    struct supervisor *supervisor;
    int ready_fd;
    uint64_t started_ns;
    uint64_t watchdog_ns; /* between two pings; 0 without a watchdog */
    uint64_t next_ping_ns;
    unsigned workers_told; /* as systemd was told */
    bool ready;
};

static volatile sig_atomic_t stop_signals;
static sigset_t wait_mask;

static void on_stop(int signal_number) {
    (void)signal_number;
    stop_signals = stop_signals + 1;
}

static void on_child(int signal_number) {
    (void)signal_number; /* it only ends the wait */
}

static int handle(sigset_t *blocked, int signal_number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    sigaddset(blocked, signal_number);
    return sigaction(signal_number, &action, NULL) < 0 ? -errno : 0;
}

/* Every signal is delivered while the master waits, and nowhere else. */
static int install_handlers(void) {
    static const int stops[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t blocked;
    int result;

    stop_signals = 0;
    sigemptyset(&wait_mask);
    sigemptyset(&blocked);
    result = handle(&blocked, SIGCHLD, on_child);
    for (size_t i = 0; i < sizeof stops / sizeof stops[0] && result == 0; i++)
        result = handle(&blocked, stops[i], on_stop);
    if (result == 0 && sigprocmask(SIG_SETMASK, &blocked, NULL) < 0)
        result = -errno;
    return result;
}

/* Sleeps until a signal, a ready child, or timeout_ns. */
static void wait_for_event(const struct master *master, uint64_t timeout_ns) {
    const struct timespec limit = {
        .tv_sec = (time_t)(timeout_ns / CLOCK_NS_PER_S),
        .tv_nsec = (long)(timeout_ns % CLOCK_NS_PER_S),
    };
    struct pollfd entry = {.fd = master->ready_fd, .events = POLLIN};
    uint64_t count;

    if (ppoll(&entry, 1, &limit, &wait_mask) > 0 &&
        read(master->ready_fd, &count, sizeof count) < 0)
        return; /* it only wakes: the scoreboard says what happened */
}

static void tell_systemd(struct master *master, uint64_t now_ns) {
    const unsigned up = scoreboard_workers_up(master->scoreboard);

    if (up != master->workers_told) {
        sd_notifyf(0, "STATUS=%u of %u workers up, in-flight cap %u", up, master->options->workers,
                   options_in_flight_cap(master->options));
        master->workers_told = up;
    }
    if (master->watchdog_ns != 0 && now_ns >= master->next_ping_ns) {
        sd_notify(0, "WATCHDOG=1");
        master->next_ping_ns = now_ns + master->watchdog_ns;
    }
}

/* Ready once every child was up at the same time. */
static void check_ready(struct master *master, uint64_t now_ns) {
    if (master->ready || !scoreboard_is_up(&master->scoreboard->slot[0]) ||
        scoreboard_workers_up(master->scoreboard) < master->options->workers)
        return;
    master->ready = true;
    sd_notify(0, "READY=1");
    log_event(LOG_NOTICE, "ready", "ready to serve",
              LOG_FIELDS(LOG_TEXT("version", BCRYPTD_VERSION),
                         LOG_NUMBER("workers", master->options->workers),
                         LOG_NUMBER("cost", master->options->cost),
                         LOG_NUMBER("pool_sockets", master->listener->pool_size),
                         LOG_NUMBER("start_us", (now_ns - master->started_ns) / 1000)));
}

static uint64_t smaller(uint64_t left, uint64_t right) {
    return left < right ? left : right;
}

static void supervise(struct master *master) {
    while (stop_signals == 0) {
        const uint64_t now_ns = clock_monotonic_ns();

        supervisor_reap(master->supervisor, now_ns);
        supervisor_kill_hung(master->supervisor, now_ns);
        supervisor_start_due(master->supervisor, now_ns);
        check_ready(master, now_ns);
        tell_systemd(master, now_ns);
        wait_for_event(master, smaller(TICK_NS, supervisor_next_due(master->supervisor, now_ns)));
    }
}

/* Waits for the workers' end, at most until the deadline or a second signal. */
static void await_workers(struct master *master, uint64_t deadline_ns) {
    for (;;) {
        const uint64_t now_ns = clock_monotonic_ns();

        supervisor_reap(master->supervisor, now_ns);
        if (supervisor_workers_alive(master->supervisor) == 0)
            return;
        if (now_ns >= deadline_ns || stop_signals > 1)
            break;
        tell_systemd(master, now_ns);
        wait_for_event(master, smaller(TICK_NS, deadline_ns - now_ns));
    }
    log_event(LOG_WARNING, "stop_timeout", "workers that did not stop in time are killed",
              LOG_FIELDS(LOG_NUMBER("workers", supervisor_workers_alive(master->supervisor)),
                         LOG_NUMBER("limit_ms", master->options->stop_timeout_ms)));
    supervisor_stop_workers(master->supervisor, SIGKILL);
    while (supervisor_workers_alive(master->supervisor) > 0) {
        wait_for_event(master, TICK_NS);
        supervisor_reap(master->supervisor, clock_monotonic_ns());
    }
}

static void await_status(struct master *master) {
    const uint64_t deadline_ns = clock_monotonic_ns() + STATUS_STOP_NS;

    supervisor_stop_status(master->supervisor, SIGTERM);
    for (;;) {
        const uint64_t now_ns = clock_monotonic_ns();

        supervisor_reap(master->supervisor, now_ns);
        if (!supervisor_status_alive(master->supervisor))
            return;
        if (now_ns >= deadline_ns)
            supervisor_stop_status(master->supervisor, SIGKILL);
        wait_for_event(master, TICK_NS);
    }
}

/* Not ready first, then no new connections, then the workers, then who told about it all. */
static void stop(struct master *master) {
    const uint64_t now_ns = clock_monotonic_ns();

    atomic_store(&master->scoreboard->master->draining, 1);
    sd_notify(0, "STOPPING=1\nSTATUS=finishing what was accepted");
    log_event(LOG_NOTICE, "stopping", "stopping, what was accepted is finished", LOG_NO_FIELDS);
    listener_refuse(master->listener);
    supervisor_stop_workers(master->supervisor, SIGTERM);
    await_workers(master, now_ns + master->options->stop_timeout_ms * CLOCK_NS_PER_MS);
    await_status(master);
    log_event(LOG_NOTICE, "stopped", "stopped", LOG_NO_FIELDS);
}

static uint64_t watchdog_interval_ns(void) {
    uint64_t limit_us = 0;

    /* Half of the limit, as sd_watchdog_enabled(3) advises. */
    return sd_watchdog_enabled(0, &limit_us) > 0 ? limit_us * 1000 / 2 : 0;
}

int master_run(const struct options *options, const struct listener *listener,
               struct scoreboard *scoreboard) {
    struct master master = {
        .options = options,
        .listener = listener,
        .scoreboard = scoreboard,
        .started_ns = clock_monotonic_ns(),
        .watchdog_ns = watchdog_interval_ns(),
    };
    int result = install_handlers();

    if (result < 0)
        return result;
    scoreboard->master->started_ms = clock_realtime_ms();
    master.ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (master.ready_fd < 0)
        return -errno;
    result = supervisor_create(options, listener, scoreboard, master.ready_fd, &master.supervisor);
    if (result == 0) {
        supervise(&master);
        stop(&master);
        supervisor_free(&master.supervisor);
    }
    close(master.ready_fd);
    return result;
}
