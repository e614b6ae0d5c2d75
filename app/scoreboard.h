/* scoreboard: the memory that the master, the status process and the workers share. The master
 * writes its own part, each process its own slot, and the status process reads all. */
#ifndef BCRYPTD_SCOREBOARD_H
#define BCRYPTD_SCOREBOARD_H

#include "stats.h"

#include <stdbool.h>
#include <stdint.h>

enum scoreboard_state {
    SCOREBOARD_EMPTY,    /* no process: not started yet, or waiting for a restart */
    SCOREBOARD_STARTING, /* forked, not ready */
    SCOREBOARD_IDLE,     /* waits for requests */
    SCOREBOARD_BUSY,     /* has at least one request */
    SCOREBOARD_STOPPING, /* finishes what it has */
    SCOREBOARD_STATES
};

/* How a child process ended. */
enum scoreboard_exit {
    SCOREBOARD_EXIT_STOPPED,      /* asked to by the master */
    SCOREBOARD_EXIT_RECYCLED,     /* reached max-requests */
    SCOREBOARD_EXIT_TIMEOUT,      /* killed for lack of progress */
    SCOREBOARD_EXIT_SIGNAL,       /* any other signal */
    SCOREBOARD_EXIT_ERROR,        /* exit code other than 0 after it was ready */
    SCOREBOARD_EXIT_START_FAILED, /* ended before it was ready */
    SCOREBOARD_EXITS
};

/* One child process; slot 0 is the status process, the others are the workers. A slot outlives
 * its process: the next one goes on counting in it. */
struct scoreboard_slot {
    _Atomic int32_t pid; /* 0 when empty; written by the master */
    _Atomic uint32_t state;
    _Atomic uint64_t started_ns;  /* clock_monotonic_ns() at fork; written by the master */
    _Atomic uint64_t progress_ns; /* when the process last went through its loop */
    _Atomic uint32_t lanes;
    _Atomic uint32_t lanes_busy;
    _Atomic uint32_t engine; /* enum stats_engine: what computes the hashes now */
    struct stats stats;
};

/* Written by the master alone. */
struct scoreboard_master {
    uint64_t started_ms; /* clock_realtime_ms(); set before the first fork */
    _Atomic uint32_t draining;
    stats_counter starts;
    stats_counter exits[SCOREBOARD_EXITS];
};

/* The way into the shared memory. It is each process's own, so that whoever writes the shared
 * part, even a worker that was broken into, cannot lead another process out of its bounds. */
struct scoreboard {
    unsigned slots;
    struct scoreboard_master *master;
    struct scoreboard_slot *slot;
};

/* Makes a zeroed scoreboard for the status process and the given workers, shared with every
 * process forked later. Returns 0 or -errno. */
int scoreboard_create(unsigned workers, struct scoreboard **ret);

/* Unmaps it and clears the pointer; accepts NULL inside. */
void scoreboard_free(struct scoreboard **scoreboard);

void scoreboard_set_state(struct scoreboard_slot *slot, enum scoreboard_state state);

/* A value that is no state counts as SCOREBOARD_EMPTY. */
enum scoreboard_state scoreboard_get_state(const struct scoreboard_slot *slot);
const char *scoreboard_state_name(enum scoreboard_state state);
const char *scoreboard_exit_name(enum scoreboard_exit reason);

/* The slot's engine; a value that is none counts as libxcrypt. */
enum stats_engine scoreboard_engine(const struct scoreboard_slot *slot);

/* Notes that the slot's process is alive and moving. */
void scoreboard_touch(struct scoreboard_slot *slot, uint64_t now_ns);

/* True for a process that has finished its start: idle, busy or stopping. */
bool scoreboard_is_up(const struct scoreboard_slot *slot);

/* Number of workers that are up. */
unsigned scoreboard_workers_up(const struct scoreboard *scoreboard);

#endif
