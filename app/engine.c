#include "engine.h"

#include "clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct engine {
    const struct engine_operations *operations;
    void *state;
    uint64_t cost4_ns;
};

/* Computed with the reference implementation of bcrypt; a byte above 127 in the password shows
 * the sign extension bug that $2x$ stands for. */
static const struct {
    const char *password;
    const char *hash;
} known_answers[] = {
    {"U*U", "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK"},
    {"\xff\xa3"
     "345",
     "$2b$04$/OK.fbVrR/bpIqNJ5ianF.ZgI8oGIrPrk3C2VsVZeWpiI/gDRxwKi"},
};

static int check_answer(struct engine *engine, unsigned lane, const char *text, const char *hash) {
    struct password password = {.length = strlen(text)};
    char computed[PASSWORD_HASH_LEN + 1];
    int result;

    memcpy(password.bytes, text, password.length);
    engine_submit(engine, lane, &password, hash);
    while ((engine_step(engine) & (1U << lane)) == 0)
        continue;
    result = engine_take(engine, lane, computed);
    if (result < 0)
        return result;
    return strcmp(computed, hash) == 0 ? 0 : -EBADMSG;
}

static int check_lanes(struct engine *engine) {
    const size_t answers = sizeof known_answers / sizeof known_answers[0];

    for (unsigned lane = 0; lane < engine->operations->lanes; lane++) {
        for (size_t i = 0; i < answers; i++) {
            const uint64_t started = clock_monotonic_ns();
            uint64_t took_ns;
            const int result =
                check_answer(engine, lane, known_answers[i].password, known_answers[i].hash);

            if (result < 0)
                return result;
            /* The shortest: in the others something else had the CPU. */
            took_ns = clock_monotonic_ns() - started;
            if (engine->cost4_ns == 0 || took_ns < engine->cost4_ns)
                engine->cost4_ns = took_ns;
        }
    }
    return 0;
}

int engine_open(const struct engine_operations *operations, struct engine **ret) {
    struct engine *engine = calloc(1, sizeof *engine);
    int result;

    if (engine == NULL)
        return -ENOMEM;
    engine->operations = operations;
    result = operations->open(&engine->state);
    if (result < 0) {
        free(engine);
        return result;
    }
    result = check_lanes(engine);
    if (result < 0) {
        engine_close(&engine);
        return result;
    }
    *ret = engine;
    return 0;
}

void engine_close(struct engine **engine) {
    if (*engine == NULL)
        return;
    (*engine)->operations->close((*engine)->state);
    free(*engine);
    *engine = NULL;
}

unsigned engine_lanes(const struct engine *engine) {
    return engine->operations->lanes;
}

enum stats_engine engine_label(const struct engine *engine) {
    return engine->operations->label;
}

uint64_t engine_cost4_ns(const struct engine *engine) {
    return engine->cost4_ns;
}

void engine_submit(struct engine *engine, unsigned lane, const struct password *password,
                   const char *setting) {
    engine->operations->submit(engine->state, lane, password, setting);
}

unsigned engine_step(struct engine *engine) {
    return engine->operations->step(engine->state);
}

int engine_take(struct engine *engine, unsigned lane, char ret_hash[static PASSWORD_HASH_LEN + 1]) {
    return engine->operations->take(engine->state, lane, ret_hash);
}
