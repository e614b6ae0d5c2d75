#include "scoreboard.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The master's part, and the slots behind it. */
struct shared {
    struct scoreboard_master master;
    struct scoreboard_slot slot[];
};

static size_t shared_size(unsigned slots) {
    return sizeof(struct shared) + slots * sizeof(struct scoreboard_slot);
}

int scoreboard_create(unsigned workers, struct scoreboard **ret) {
    const unsigned slots = workers + 1;
    struct scoreboard *scoreboard = malloc(sizeof *scoreboard);
    struct shared *shared;

    if (scoreboard == NULL)
        return -ENOMEM;
    shared =
        mmap(NULL, shared_size(slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        const int result = -errno;

        free(scoreboard);
        return result;
    }
    scoreboard->slots = slots;
    scoreboard->master = &shared->master;
    scoreboard->slot = shared->slot;
    *ret = scoreboard;
    return 0;
}

void scoreboard_free(struct scoreboard **scoreboard) {
    if (*scoreboard == NULL)
        return;
    /* The master's part is the mapping's start. */
    munmap((*scoreboard)->master, shared_size((*scoreboard)->slots));
    free(*scoreboard);
    *scoreboard = NULL;
}

void scoreboard_set_state(struct scoreboard_slot *slot, enum scoreboard_state state) {
    atomic_store_explicit(&slot->state, state, memory_order_release);
}

enum scoreboard_state scoreboard_get_state(const struct scoreboard_slot *slot) {
    const uint32_t state = atomic_load_explicit(&slot->state, memory_order_acquire);

    return state < SCOREBOARD_STATES ? (enum scoreboard_state)state : SCOREBOARD_EMPTY;
}

const char *scoreboard_state_name(enum scoreboard_state state) {
    static const char *const names[SCOREBOARD_STATES] = {"empty", "starting", "idle", "busy",
                                                         "stopping"};

    return names[state];
}

const char *scoreboard_exit_name(enum scoreboard_exit reason) {
    static const char *const names[SCOREBOARD_EXITS] = {"stopped", "recycled", "timeout",
                                                        "signal",  "error",    "start_failed"};

    return names[reason];
}

enum stats_engine scoreboard_engine(const struct scoreboard_slot *slot) {
    const uint32_t engine = atomic_load_explicit(&slot->engine, memory_order_relaxed);

    return engine < STATS_ENGINES ? (enum stats_engine)engine : STATS_LIBXCRYPT;
}

void scoreboard_touch(struct scoreboard_slot *slot, uint64_t now_ns) {
    atomic_store_explicit(&slot->progress_ns, now_ns, memory_order_relaxed);
}

bool scoreboard_is_up(const struct scoreboard_slot *slot) {
    return scoreboard_get_state(slot) >= SCOREBOARD_IDLE;
}

unsigned scoreboard_workers_up(const struct scoreboard *scoreboard) {
    unsigned up = 0;

    for (unsigned i = 1; i < scoreboard->slots; i++)
        up += scoreboard_is_up(&scoreboard->slot[i]);
    return up;
}
