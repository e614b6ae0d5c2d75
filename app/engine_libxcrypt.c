/* The reference engine: one lane, computed by crypt_rn() of libxcrypt in one step. */
#include "engine.h"

#include "scrub.h"

#include <crypt.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct lane {
    struct password password;
    char setting[PASSWORD_HASH_LEN + 1];
    char hash[PASSWORD_HASH_LEN + 1];
    bool active;
    int result;
    struct crypt_data work;
};

static int lane_open(void **ret) {
    struct lane *lane = calloc(1, sizeof *lane);

    if (lane == NULL)
        return -ENOMEM;
    *ret = lane;
    return 0;
}

static void lane_close(void *state) {
    scrub_memory(state, sizeof(struct lane));
    free(state);
}

static void lane_submit(void *state, unsigned number, const struct password *password,
                        const char *setting) {
    struct lane *lane = state;

    (void)number;
    lane->password = *password;
    strncpy(lane->setting, setting, PASSWORD_HASH_LEN);
    lane->active = true;
}

static void compute(struct lane *lane) {
    const char *hash =
        crypt_rn(lane->password.bytes, lane->setting, &lane->work, (int)sizeof lane->work);

    /* A failure is NULL or, in some builds of libxcrypt, a text that starts with '*'. */
    if (hash == NULL || hash[0] == '*' || strlen(hash) != PASSWORD_HASH_LEN) {
        lane->result = -EINVAL;
        return;
    }
    memcpy(lane->hash, hash, PASSWORD_HASH_LEN + 1);
    lane->result = 0;
}

static unsigned lane_step(void *state) {
    struct lane *lane = state;

    if (!lane->active)
        return 0;
    compute(lane);
    return 1;
}

static int lane_take(void *state, unsigned number, char *ret_hash) {
    struct lane *lane = state;
    const int result = lane->result;

    (void)number;
    if (result == 0)
        memcpy(ret_hash, lane->hash, PASSWORD_HASH_LEN + 1);
    scrub_memory(lane, sizeof *lane);
    return result;
}

const struct engine_operations engine_libxcrypt = {
    .label = STATS_LIBXCRYPT,
    .open = lane_open,
    .close = lane_close,
    .submit = lane_submit,
    .step = lane_step,
    .take = lane_take,
};
