/* status: the process that answers /, /livez, /readyz, /metrics and /status on a socket of its own.
 * It hashes nothing and only reads the scoreboard, so it answers while every worker is busy. */
#ifndef BCRYPTD_STATUS_H
#define BCRYPTD_STATUS_H

#include "listener.h"
#include "options.h"
#include "scoreboard.h"

/* Runs the status process in slot 0 of the scoreboard until SIGTERM or the master's end. ready_fd
 * is written once when it can answer. Returns the process's exit code. */
int status_run(const struct options *options, const struct listener *listener,
               struct scoreboard *scoreboard, int ready_fd);

#endif
