/* The engine of several lanes: bcrypt of this project's own, several hashes side by side on one
 * core. The ciphers of the active lanes stand next to each other, whichever lanes these are: a
 * finished one is replaced by the last, so that blowfish_turn() always runs its loop for just as
 * many as there are. */
#include "bcrypt.h"
#include "engine.h"
#include "scrub.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64
#define STEP_TURNS                                                                                 \
    8 /* a step of less than a millisecond; looking for new work takes microseconds */

_Static_assert(ENGINE_LANES_MAX == BLOWFISH_LANES_MAX, "one cipher a lane");

struct lane {
    char setting[PASSWORD_SETTING_LEN + 1];
    char hash[PASSWORD_HASH_LEN + 1];
    int result;
};

/* A place among the ciphers. */
struct place {
    unsigned lane;
    uint64_t turns; /* still to do */
};

struct lanes {
    _Alignas(CACHE_LINE) struct blowfish cipher[ENGINE_LANES_MAX];
    struct place place[ENGINE_LANES_MAX];
    unsigned active;   /* the first places are taken */
    unsigned finished; /* a bit for each lane */
    struct lane lane[ENGINE_LANES_MAX];
};

#ifdef BCRYPTD_FAULT
/* Tests only: what breaks a cipher now and then, as broken hardware would. */
void engine_lanes_fault(struct blowfish *cipher, unsigned place);
#else
#define engine_lanes_fault(cipher, place) ((void)0)
#endif

static int lanes_open(void **ret) {
    struct lanes *lanes = aligned_alloc(CACHE_LINE, sizeof *lanes);

    if (lanes == NULL)
        return -ENOMEM;
    memset(lanes, 0, sizeof *lanes);
    *ret = lanes;
    return 0;
}

static void lanes_close(void *state) {
    scrub_memory(state, sizeof(struct lanes));
    free(state);
}

static void lanes_submit(void *state, unsigned number, const struct password *password,
                         const char *setting) {
    struct lanes *lanes = state;
    struct lane *lane = &lanes->lane[number];
    struct place *place = &lanes->place[lanes->active];

    lane->result = bcrypt_begin(&lanes->cipher[lanes->active], password, setting, &place->turns);
    if (lane->result < 0) {
        scrub_memory(&lanes->cipher[lanes->active], sizeof(struct blowfish));
        lanes->finished |= 1U << number;
        return;
    }
    memcpy(lane->setting, setting, PASSWORD_SETTING_LEN);
    place->lane = number;
    lanes->active++;
}

/* Takes the hash of a place that is done, and closes the gap with the last one. */
static void finish(struct lanes *lanes, unsigned number) {
    struct blowfish *cipher = &lanes->cipher[number];
    struct lane *lane = &lanes->lane[lanes->place[number].lane];
    struct blowfish *last = &lanes->cipher[--lanes->active];

    engine_lanes_fault(cipher, number);
    bcrypt_end(cipher, lane->setting, lane->hash);
    lanes->finished |= 1U << lanes->place[number].lane;
    if (cipher != last) {
        *cipher = *last;
        lanes->place[number] = lanes->place[lanes->active];
    }
    scrub_memory(last, sizeof *last);
}

/* As many turns as all places still have, at most a step's. */
static unsigned common_turns(const struct lanes *lanes) {
    uint64_t turns = STEP_TURNS;

    for (unsigned i = 0; i < lanes->active; i++)
        if (lanes->place[i].turns < turns)
            turns = lanes->place[i].turns;
    return (unsigned)turns;
}

static unsigned lanes_step(void *state) {
    struct lanes *lanes = state;
    const unsigned turns = common_turns(lanes);
    unsigned finished;

    if (lanes->active > 0)
        blowfish_turn(lanes->cipher, lanes->active, turns);
    /* From the last one down: the one that closes a gap was looked at before. */
    for (unsigned i = lanes->active; i-- > 0;) {
        lanes->place[i].turns -= turns;
        if (lanes->place[i].turns == 0)
            finish(lanes, i);
    }
    finished = lanes->finished;
    lanes->finished = 0;
    return finished;
}

static int lanes_take(void *state, unsigned number, char *ret_hash) {
    struct lane *lane = &((struct lanes *)state)->lane[number];
    const int result = lane->result;

    if (result == 0)
        memcpy(ret_hash, lane->hash, PASSWORD_HASH_LEN + 1);
    scrub_memory(lane, sizeof *lane);
    return result;
}

const struct engine_operations engine_lanes = {
    .label = STATS_LANES,
    .open = lanes_open,
    .close = lanes_close,
    .submit = lanes_submit,
    .step = lanes_step,
    .take = lanes_take,
};
