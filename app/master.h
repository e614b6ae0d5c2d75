/* master: the process that holds the sockets, keeps its children running and stops them. */
#ifndef BCRYPTD_MASTER_H
#define BCRYPTD_MASTER_H

#include "listener.h"
#include "options.h"
#include "scoreboard.h"

/* Serves until SIGTERM, SIGINT or SIGHUP, then stops gracefully: the workers finish what they
 * have, at most for stop-timeout-ms; a second signal ends the waiting. Tells systemd READY,
 * STATUS, STOPPING and the watchdog's pings. Returns 0 or -errno. */
int master_run(const struct options *options, const struct listener *listener,
               struct scoreboard *scoreboard);

#endif
