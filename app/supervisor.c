#include "supervisor.h"

#include "child.h"
#include "clock.h"
#include "log.h"
#include "status.h"
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    pid_t pid; /* 0 when there is no process */
    uint64_t started_ns;
    uint64_t due_ns;   /* when to start it; counts while pid is 0 */
    uint64_t delay_ns; /* wait after the last failed start, 0 after a good one */
    bool killed_as_hung;
};

struct supervisor {
    const struct options *options;
    const struct listener *listener;
    struct scoreboard *scoreboard;
    int ready_fd;
    bool stopping;
    uint64_t next_restart_ns; /* the restart rate's next free moment */
    unsigned children;
    struct child child[]; /* 0 is the status process, as in the scoreboard */
};

int supervisor_create(const struct options *options, const struct listener *listener,
                      struct scoreboard *scoreboard, int ready_fd, struct supervisor **ret) {
    struct supervisor *supervisor =
        calloc(1, sizeof *supervisor + scoreboard->slots * sizeof(struct child));

    if (supervisor == NULL)
        return -ENOMEM;
    supervisor->options = options;
    supervisor->listener = listener;
    supervisor->scoreboard = scoreboard;
    supervisor->ready_fd = ready_fd;
    supervisor->children = scoreboard->slots;
    *ret = supervisor;
    return 0;
}

void supervisor_free(struct supervisor **supervisor) {
    free(*supervisor);
    *supervisor = NULL;
}

static const char *role_of(unsigned number) {
    return number == 0 ? "status" : "worker";
}

/* The child's whole life; its result is the exit code. */
static int run_child(const struct supervisor *supervisor, unsigned number, pid_t master) {
    log_set_role(role_of(number), number);
    if (child_init(master) < 0)
        return 1;
    if (number == 0)
        return status_run(supervisor->options, supervisor->listener, supervisor->scoreboard,
                          supervisor->ready_fd);
    return worker_run(supervisor->options, supervisor->listener,
                      &supervisor->scoreboard->slot[number], number, supervisor->ready_fd);
}

/* Readies a slot for its next process; what was counted in it stays. */
static void reset_slot(struct scoreboard_slot *slot, uint64_t now_ns) {
    scoreboard_set_state(slot, SCOREBOARD_STARTING);
    scoreboard_touch(slot, now_ns);
    atomic_store(&slot->lanes_busy, 0);
    atomic_store(&slot->started_ns, now_ns);
}

/* Plans the next try of a start that failed: twice the last wait, within bounds. */
static uint64_t grow_delay(const struct supervisor *supervisor, struct child *child) {
    const uint64_t least = supervisor->options->restart_delay_ms * CLOCK_NS_PER_MS;
    const uint64_t most = supervisor->options->restart_delay_max_ms * CLOCK_NS_PER_MS;

    child->delay_ns = child->delay_ns == 0 ? least : child->delay_ns * 2;
    if (child->delay_ns > most)
        child->delay_ns = most;
    return child->delay_ns;
}

static void start_child(struct supervisor *supervisor, unsigned number, uint64_t now_ns) {
    struct child *child = &supervisor->child[number];
    struct scoreboard_slot *slot = &supervisor->scoreboard->slot[number];
    const pid_t master = getpid();
    pid_t pid;

    reset_slot(slot, now_ns);
    pid = fork();
    if (pid == 0)
        _exit(run_child(supervisor, number, master));
    if (pid < 0) {
        scoreboard_set_state(slot, SCOREBOARD_EMPTY);
        child->due_ns = now_ns + grow_delay(supervisor, child);
        log_event(LOG_ERR, "fork_failed", "a child could not be forked",
                  LOG_FIELDS(LOG_TEXT("child", role_of(number)), LOG_NUMBER("child_number", number),
                             LOG_TEXT("error", strerror(errno))));
        return;
    }
    child->pid = pid;
    child->started_ns = now_ns;
    child->killed_as_hung = false;
    atomic_store(&slot->pid, pid);
    stats_add(&supervisor->scoreboard->master->starts, 1);
}

void supervisor_start_due(struct supervisor *supervisor, uint64_t now_ns) {
    if (supervisor->stopping)
        return;
    for (unsigned number = 0; number < supervisor->children; number++)
        if (supervisor->child[number].pid == 0 && supervisor->child[number].due_ns <= now_ns)
            start_child(supervisor, number, now_ns);
}

static enum scoreboard_exit exit_reason(const struct child *child, bool was_up, int status) {
    if (child->killed_as_hung)
        return SCOREBOARD_EXIT_TIMEOUT;
    if (!was_up)
        return SCOREBOARD_EXIT_START_FAILED;
    if (WIFSIGNALED(status))
        return SCOREBOARD_EXIT_SIGNAL;
    if (WEXITSTATUS(status) == WORKER_EXIT_RECYCLED)
        return SCOREBOARD_EXIT_RECYCLED;
    return WEXITSTATUS(status) == 0 ? SCOREBOARD_EXIT_STOPPED : SCOREBOARD_EXIT_ERROR;
}

/* When a child that ended is started again. */
static uint64_t plan_restart(struct supervisor *supervisor, struct child *child,
                             enum scoreboard_exit reason, uint64_t now_ns) {
    const uint64_t gap_ns = CLOCK_NS_PER_S / supervisor->options->restart_rate;
    uint64_t due_ns;

    if (supervisor->stopping)
        return now_ns;
    if (reason == SCOREBOARD_EXIT_START_FAILED)
        return now_ns + grow_delay(supervisor, child);
    child->delay_ns = 0;
    due_ns = supervisor->next_restart_ns > now_ns ? supervisor->next_restart_ns : now_ns;
    supervisor->next_restart_ns = due_ns + gap_ns;
    return due_ns;
}

static void log_exit(const struct child *child, unsigned number, enum scoreboard_exit reason,
                     int status, uint64_t now_ns) {
    const bool expected = reason == SCOREBOARD_EXIT_STOPPED || reason == SCOREBOARD_EXIT_RECYCLED;

    log_event(
        expected ? LOG_INFO : LOG_ERR, "child_exit",
        expected ? "child ended" : "child ended unexpectedly",
        LOG_FIELDS(
            LOG_TEXT("child", role_of(number)), LOG_NUMBER("child_number", number),
            LOG_NUMBER("child_pid", child->pid), LOG_TEXT("reason", scoreboard_exit_name(reason)),
            LOG_NUMBER("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
            LOG_NUMBER("exit_code", WIFEXITED(status) ? WEXITSTATUS(status) : 0),
            LOG_NUMBER("age_ms", (now_ns - child->started_ns) / CLOCK_NS_PER_MS),
            LOG_NUMBER("restart_in_ms",
                       child->due_ns > now_ns ? (child->due_ns - now_ns) / CLOCK_NS_PER_MS : 0)));
}

static void note_exit(struct supervisor *supervisor, unsigned number, int status, uint64_t now_ns) {
    struct child *child = &supervisor->child[number];
    struct scoreboard_slot *slot = &supervisor->scoreboard->slot[number];
    const enum scoreboard_exit reason = exit_reason(child, scoreboard_is_up(slot), status);

    child->due_ns = plan_restart(supervisor, child, reason, now_ns);
    stats_add(&supervisor->scoreboard->master->exits[reason], 1);
    log_exit(child, number, reason, status, now_ns);
    child->pid = 0;
    atomic_store(&slot->pid, 0);
    atomic_store(&slot->lanes_busy, 0);
    scoreboard_set_state(slot, SCOREBOARD_EMPTY);
}

void supervisor_reap(struct supervisor *supervisor, uint64_t now_ns) {
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (unsigned number = 0; number < supervisor->children; number++)
            if (supervisor->child[number].pid == pid)
                note_exit(supervisor, number, status, now_ns);
}

/* A child that waits for requests may do so for ever; one that starts or has work may not. */
static bool is_hung(const struct supervisor *supervisor, unsigned number, uint64_t now_ns) {
    const struct scoreboard_slot *slot = &supervisor->scoreboard->slot[number];
    const uint64_t limit_ns = supervisor->options->worker_timeout_ms * CLOCK_NS_PER_MS;
    const enum scoreboard_state state = scoreboard_get_state(slot);

    if (supervisor->child[number].pid == 0 || state == SCOREBOARD_IDLE)
        return false;
    return now_ns > atomic_load(&slot->progress_ns) + limit_ns;
}

void supervisor_kill_hung(struct supervisor *supervisor, uint64_t now_ns) {
    for (unsigned number = 0; number < supervisor->children; number++) {
        struct child *child = &supervisor->child[number];

        if (child->killed_as_hung || !is_hung(supervisor, number, now_ns))
            continue;
        child->killed_as_hung = true;
        kill(child->pid, SIGKILL);
        log_event(LOG_ERR, "child_hung", "child made no progress and is killed",
                  LOG_FIELDS(LOG_TEXT("child", role_of(number)), LOG_NUMBER("child_number", number),
                             LOG_NUMBER("child_pid", child->pid),
                             LOG_NUMBER("limit_ms", supervisor->options->worker_timeout_ms)));
    }
}

uint64_t supervisor_next_due(const struct supervisor *supervisor, uint64_t now_ns) {
    uint64_t next = UINT64_MAX;

    if (supervisor->stopping)
        return next;
    for (unsigned number = 0; number < supervisor->children; number++) {
        const struct child *child = &supervisor->child[number];
        const uint64_t left = child->due_ns > now_ns ? child->due_ns - now_ns : 0;

        if (child->pid == 0 && left < next)
            next = left;
    }
    return next;
}

void supervisor_stop_workers(struct supervisor *supervisor, int signal_number) {
    supervisor->stopping = true;
    for (unsigned number = 1; number < supervisor->children; number++)
        if (supervisor->child[number].pid > 0)
            kill(supervisor->child[number].pid, signal_number);
}

void supervisor_stop_status(struct supervisor *supervisor, int signal_number) {
    if (supervisor->child[0].pid > 0)
        kill(supervisor->child[0].pid, signal_number);
}

unsigned supervisor_workers_alive(const struct supervisor *supervisor) {
    unsigned alive = 0;

    for (unsigned number = 1; number < supervisor->children; number++)
        alive += supervisor->child[number].pid > 0;
    return alive;
}

bool supervisor_status_alive(const struct supervisor *supervisor) {
    return supervisor->child[0].pid > 0;
}
