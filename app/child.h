/* child: what the status process and the workers have in common: signals that wake them only
 * where they can be acted on, and the end of the master noticed. */
#ifndef BCRYPTD_CHILD_H
#define BCRYPTD_CHILD_H

#include "listener.h"
#include "stats.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

/* Installs the child's signal handling: SIGTERM asks to stop, and is delivered in
 * child_wait() and child_stop_asked() alone; the death of the master (signalled by SIGUSR2) asks
 * for the same. Prepares libfcgi. master is the master's pid as known before the fork. Returns 0 or
 * -errno. */
int child_init(pid_t master);

/* True once the process was asked to stop. */
bool child_stop_asked(void);

/* True when the master's death was what asked: nobody closes the sockets then. */
bool child_orphaned(void);

/* Sleeps until one of the entries is readable, a stop is asked for, or timeout_ms (-1: without
 * limit) have passed. Returns 0 or -errno; a signal is no error. */
int child_wait(struct pollfd *entries, nfds_t count, int timeout_ms);

/* After an error of accept() the connection still waits; so long a pause keeps it from spinning. */
#define CHILD_ACCEPT_PAUSE_MS 100

/* Counts and logs, at most once a second of each kind, that fcgi_accept() failed with result.
 * Returns true when that cost one connection and the next can be taken; false after an error of
 * accept() itself. */
bool child_note_accept_error(struct stats *stats, int result);

/* Tells the master through its eventfd that this process is ready. Returns 0 or -errno. */
int child_report_ready(int ready_fd);

#endif
