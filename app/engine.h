/* engine: computes bcrypt hashes in lanes. A lane holds one hash; engine_step() advances all
 * lanes that have one, and says which are finished. libxcrypt's engine has one lane and computes
 * it in one step; an engine with several lanes advances them side by side, and takes a new hash
 * into a free lane between any two steps. Single-threaded, one engine a process. */
#ifndef BCRYPTD_ENGINE_H
#define BCRYPTD_ENGINE_H

#include "password.h"
#include "stats.h"

#define ENGINE_LANES_MAX 32 /* the bits of a step's result */

struct engine;

/* What an engine provides; the functions below add the checks that all share. */
struct engine_operations {
    enum stats_engine label;
    unsigned lanes;
    /* 0 or -errno; ret is handed to all others. */
    int (*open)(void **ret);
    void (*close)(void *state);
    /* Copies what it needs; the lane is free. */
    void (*submit)(void *state, unsigned lane, const struct password *password,
                   const char *setting);
    /* A bit for each lane that is finished, the lane's work left in it. */
    unsigned (*step)(void *state);
    /* The finished hash with its NUL, or -errno; wipes the lane and frees it. */
    int (*take)(void *state, unsigned lane, char *ret_hash);
};

extern const struct engine_operations engine_libxcrypt;

/* Opens an engine and lets every lane compute a known answer at cost 4. Returns 0, -errno, or
 * -EBADMSG when an answer is wrong. */
int engine_open(const struct engine_operations *operations, struct engine **ret);

/* Closes it and clears the pointer; accepts NULL inside. */
void engine_close(struct engine **engine);

unsigned engine_lanes(const struct engine *engine);
enum stats_engine engine_label(const struct engine *engine);

/* The shortest time a hash of cost 4 took in engine_open(), in nanoseconds: a first estimate. */
uint64_t engine_cost4_ns(const struct engine *engine);

/* Gives a free lane a password and a setting (or a whole hash, whose setting is taken). Both are
 * copied. */
void engine_submit(struct engine *engine, unsigned lane, const struct password *password,
                   const char *setting);

/* Advances every lane that has work. Returns a bit for each lane that is finished. */
unsigned engine_step(struct engine *engine);

/* Takes a finished lane's hash, wipes the lane and frees it. Returns 0 or -errno. */
int engine_take(struct engine *engine, unsigned lane, char ret_hash[static PASSWORD_HASH_LEN + 1]);

#endif
