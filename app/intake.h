/* intake: how a worker comes by its requests. It takes connections from the pool's sockets without
 * waiting, keeps those that have sent nothing yet, and hands on those that have: a peer that is
 * slow to begin holds a place, but not the lanes that hash. From its first byte on, a request is
 * read at once. */
#ifndef BCRYPTD_INTAKE_H
#define BCRYPTD_INTAKE_H

#include "engine.h"
#include "fcgi.h"
#include "listener.h"
#include "options.h"
#include "stats.h"

struct intake {
    const struct options *options;
    const struct listener *listener;
    struct stats *stats;
    unsigned next_socket; /* where the next search for a connection starts */
    bool accept_failed;   /* the last search ended in an error */
    unsigned waiting;     /* places taken */
    struct {
        bool taken;
        uint64_t expires_ns;
        struct fcgi_connection connection;
    } place[ENGINE_LANES_MAX];
};

/* first is the pool's socket at which the first search starts. Failures are counted in stats. */
void intake_init(struct intake *intake, const struct options *options,
                 const struct listener *listener, struct stats *stats, unsigned first);

/* Takes the next request into ret: its parameters are read. May leave connections waiting, at most
 * as many as there are free lanes. accepts says whether connections may be taken from the sockets.
 * Returns true, or false when no request has arrived. */
bool intake_take(struct intake *intake, unsigned free_lanes, bool accepts,
                 struct fcgi_connection *ret);

/* Sleeps until intake_take() may have something, or something to give up; parameters as there.
 * stopping: a stop was asked for already, and does not end the wait. Returns 0 or -errno. */
int intake_wait(struct intake *intake, unsigned free_lanes, bool accepts, bool stopping);

#endif
