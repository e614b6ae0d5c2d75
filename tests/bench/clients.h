/* clients: HTTP/1.1 clients on keep-alive connections, all in one thread over epoll, so that a
 * load costs little on the machine that is measured. */
#ifndef BENCH_CLIENTS_H
#define BENCH_CLIENTS_H

#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENTS_MAX 8192
#define CLIENTS_REPLY_SIZE 8192

enum client_state {
    CLIENT_IDLE,       /* open loop: free for the next request */
    CLIENT_PAUSED,     /* closed loop: sends at due_ns */
    CLIENT_CONNECTING, /* the request goes out when the connection is there */
    CLIENT_WAITING,    /* for the reply */
};

struct client {
    enum client_state state;
    bool obeys; /* waits as long as Retry-After says */
    int fd;     /* -1: no connection */
    uint64_t due_ns;
    uint64_t begin_ns; /* when the request was sent, or should have been */
    uint64_t leave_ns; /* when it closes the connection without a reply; 0: stays */
    size_t length;
    char reply[CLIENTS_REPLY_SIZE + 1];
};

struct clients_options {
    unsigned port; /* on 127.0.0.1 */
    const char *path;
    const char *expect; /* must stand in the body of a 200 */
    unsigned count;
    double rate;        /* requests a second of an open loop; 0: closed loop */
    bool even;          /* open loop: even spacing instead of Poisson's */
    double obey_share;  /* of the clients: obey Retry-After */
    unsigned pause_ms;  /* of the others after a refusal, half to one and a half times */
    double leave_share; /* of the requests: the client leaves without a reply */
    unsigned leave_ms;  /* ... at a random moment up to this */
    double seconds;
    double warmup_seconds; /* at the begin, counted but not timed */
    unsigned lanes;        /* see record.h */
    uint64_t seed;
};

/* Runs the load to its end. Returns 0 with record filled, or -errno. */
int clients_run(const struct clients_options *options, struct record *record);

#endif
