/* worker: the process that hashes: a small scheduler over the engine's lanes. Free lanes are
 * filled from the pool's sockets without waiting, the engine advances what is active, and what is
 * finished is answered; an idle worker sleeps on the sockets. */
#ifndef BCRYPTD_WORKER_H
#define BCRYPTD_WORKER_H

#include "listener.h"
#include "options.h"
#include "scoreboard.h"

/* Runs a worker in a process forked for it, until SIGTERM, until its requests are used up or
 * until the master is gone. ready_fd is an eventfd, written once when it can serve. On SIGTERM it
 * finishes what it has; from own sockets (not systemd's) it also takes what still waits on them.
 * Returns the process's exit code: 0 stopped, WORKER_EXIT_RECYCLED, or 1 when it could not
 * start. */
int worker_run(const struct options *options, const struct listener *listener,
               struct scoreboard_slot *slot, unsigned number, int ready_fd);

#define WORKER_EXIT_RECYCLED 3

#endif
