/* supervisor: starts the status process and the workers, notes how each ends, and starts it
 * again: at once after it had served, with a growing delay when it failed before it was ready. */
#ifndef BCRYPTD_SUPERVISOR_H
#define BCRYPTD_SUPERVISOR_H

#include "listener.h"
#include "options.h"
#include "scoreboard.h"

#include <stdbool.h>
#include <stdint.h>

struct supervisor;

/* All arguments stay the caller's and outlive the supervisor. ready_fd is the eventfd that a child
 * writes when it is ready. Returns 0 or -errno. */
int supervisor_create(const struct options *options, const struct listener *listener,
                      struct scoreboard *scoreboard, int ready_fd, struct supervisor **ret);

/* Frees it, not its processes; clears the pointer and accepts NULL inside. */
void supervisor_free(struct supervisor **supervisor);

/* Starts every child that is due. In a child it does not return. */
void supervisor_start_due(struct supervisor *supervisor, uint64_t now_ns);

/* Collects the children that have ended, logs and counts the reason, and plans their restart. */
void supervisor_reap(struct supervisor *supervisor, uint64_t now_ns);

/* Kills every child that is not idle and has made no progress for worker-timeout-ms. */
void supervisor_kill_hung(struct supervisor *supervisor, uint64_t now_ns);

/* Nanoseconds until the next child is due, UINT64_MAX when none is planned. */
uint64_t supervisor_next_due(const struct supervisor *supervisor, uint64_t now_ns);

/* No child is started any more; the workers get the signal, the status process lives on. */
void supervisor_stop_workers(struct supervisor *supervisor, int signal_number);

/* Sends the status process the signal. */
void supervisor_stop_status(struct supervisor *supervisor, int signal_number);

/* How many workers, or status processes, are alive. */
unsigned supervisor_workers_alive(const struct supervisor *supervisor);
bool supervisor_status_alive(const struct supervisor *supervisor);

#endif
