/* engine: computes bcrypt hashes in lanes. A lane holds one hash; engine_step() advances the lanes
 * that have one, and says which are finished; a new hash may enter a free lane between any two
 * steps.
 *
 * There are two parts. The reference, libxcrypt, computes one hash in one step. A faster one may
 * stand before it and advances several side by side; it is trusted only as far as it is checked:
 * every lane at the start, then a random share of what it computes, before anybody sees the
 * result. One difference, and the reference computes everything from there on, what is under way
 * included. Single-threaded, one engine a process. */
#ifndef BCRYPTD_ENGINE_H
#define BCRYPTD_ENGINE_H

#include "password.h"
#include "stats.h"

#include <stdbool.h>

#define ENGINE_LANES_MAX 8

struct engine;

/* What a part provides. */
struct engine_operations {
    enum stats_engine label;
    /* 0 or -errno; ret is handed to all others. */
    int (*open)(void **ret);
    void (*close)(void *state);
    /* Copies what it needs; the lane is free. */
    void (*submit)(void *state, unsigned lane, const struct password *password,
                   const char *setting);
    /* A bit for each lane that is finished; it is taken before the next step. */
    unsigned (*step)(void *state);
    /* The finished hash with its NUL, or -errno; wipes the lane and frees it. */
    int (*take)(void *state, unsigned lane, char *ret_hash);
};

extern const struct engine_operations engine_libxcrypt;
extern const struct engine_operations engine_lanes;

struct engine_setup {
    const struct engine_operations *reference;
    const struct engine_operations *fast; /* NULL: the reference alone */
    unsigned lanes;                       /* of the fast part */
    unsigned check_every; /* about one in so many of the fast part's hashes; 0 is none */
    struct stats *stats;  /* counts hashes, checks and fallbacks */
};

/* Opens an engine whose parts have given the right answers. A fast part that does not is left out,
 * which is counted and logged. Returns 0, -errno, or -EBADMSG when the reference is wrong. */
int engine_open(const struct engine_setup *setup, struct engine **ret);

/* Closes it and clears the pointer; accepts NULL inside. */
void engine_close(struct engine **engine);

/* The lanes that may be used; fewer after a fallback, while those above may still be finishing. */
unsigned engine_lane_count(const struct engine *engine);

/* The part that new hashes are given to. */
enum stats_engine engine_label(const struct engine *engine);

/* What a hash of cost 4 takes with all lanes in use, in nanoseconds: a first estimate. */
uint64_t engine_cost4_ns(const struct engine *engine);

/* Gives a free lane a password and a setting (or a whole hash, whose setting is taken). Both are
 * copied. */
void engine_submit(struct engine *engine, unsigned lane, const struct password *password,
                   const char *setting);

/* Advances the lanes that have work. Returns a bit for each lane that is finished; each is taken
 * before the next step. */
unsigned engine_step(struct engine *engine);

/* Takes a finished lane's hash, wipes the lane and frees it. Returns 0 or -errno. May compute the
 * hash a second time, by the reference. */
int engine_take(struct engine *engine, unsigned lane, char ret_hash[static PASSWORD_HASH_LEN + 1]);

#endif
