#include "parts.h"

#include "property.h"

#include <crypt.h>
#include <errno.h>
#include <string.h>

#define ANSWERS_MAX 256
#define STEP_ROUNDS 8 /* what one step of the liar gets done */

struct answer {
    struct password password;
    char setting[PASSWORD_HASH_LEN + 1];
    char hash[PASSWORD_HASH_LEN + 1]; /* empty: none */
};

static struct answer answers[ANSWERS_MAX];
static size_t answer_count;

static bool is_same(const struct answer *answer, const struct password *password,
                    const char *setting) {
    return answer->password.length == password->length &&
           memcmp(answer->password.bytes, password->bytes, password->length) == 0 &&
           strcmp(answer->setting, setting) == 0;
}

static const struct answer *compute(const struct password *password, const char *setting) {
    static struct crypt_data work;
    struct answer *answer = &answers[answer_count++];
    const char *hash = crypt_rn(password->bytes, setting, &work, (int)sizeof work);

    answer->password = *password;
    strcpy(answer->setting, setting);
    if (hash != NULL && strlen(hash) == PASSWORD_HASH_LEN)
        strcpy(answer->hash, hash);
    return answer;
}

static const struct answer *find(const struct password *password, const char *setting) {
    for (size_t i = 0; i < answer_count; i++)
        if (is_same(&answers[i], password, setting))
            return &answers[i];
    PROPERTY(answer_count < ANSWERS_MAX);
    return compute(password, setting);
}

const char *parts_answer(const struct password *password, const char *setting) {
    const struct answer *answer = find(password, setting);

    return answer->hash[0] != '\0' ? answer->hash : NULL;
}

static int give(const struct answer *answer, char *ret_hash) {
    if (answer->hash[0] == '\0')
        return -EINVAL;
    strcpy(ret_hash, answer->hash);
    return 0;
}

/* On the heap, so that a use after the end is seen. */
struct part {
    const struct answer *answer[ENGINE_LANES_MAX]; /* NULL: the lane is free */
    unsigned rounds[ENGINE_LANES_MAX];             /* still to do */
};

static int part_open(void **ret) {
    *ret = calloc(1, sizeof(struct part));
    return *ret != NULL ? 0 : -ENOMEM;
}

static void part_close(void *state) {
    free(state);
}

static void part_submit(void *state, unsigned lane, const struct password *password,
                        const char *setting) {
    struct part *part = state;
    const struct answer *answer = find(password, setting);

    PROPERTY(lane < ENGINE_LANES_MAX);
    PROPERTY(part->answer[lane] == NULL);
    part->answer[lane] = answer;
    part->rounds[lane] = answer->hash[0] != '\0' ? 1U << atoi(answer->hash + 4) : 0;
}

static const struct answer *part_free(void *state, unsigned lane) {
    struct part *part = state;
    const struct answer *answer = part->answer[lane];

    PROPERTY(answer != NULL);
    PROPERTY(part->rounds[lane] == 0);
    part->answer[lane] = NULL;
    return answer;
}

static unsigned reference_step(void *state) {
    struct part *part = state;

    if (part->answer[0] == NULL)
        return 0;
    part->rounds[0] = 0;
    return 1;
}

static int reference_take(void *state, unsigned lane, char *ret_hash) {
    return give(part_free(state, lane), ret_hash);
}

static unsigned liar_step(void *state) {
    struct part *part = state;
    unsigned finished = 0;

    for (unsigned lane = 0; lane < ENGINE_LANES_MAX; lane++) {
        unsigned *rounds = &part->rounds[lane];

        if (part->answer[lane] == NULL)
            continue;
        *rounds -= *rounds < STEP_ROUNDS ? *rounds : STEP_ROUNDS;
        if (*rounds == 0)
            finished |= 1U << lane;
    }
    return finished;
}

static struct {
    enum parts_lie lie;
    unsigned right_takes;
    unsigned taken;
    unsigned lies;
} plan;

void parts_plan_lie(enum parts_lie lie, unsigned right_takes) {
    plan.lie = lie;
    plan.right_takes = right_takes;
    plan.taken = 0;
    plan.lies = 0;
}

unsigned parts_lies(void) {
    return plan.lies;
}

/* A hash that exists, and is another one than this. */
static const struct answer *find_other(const struct answer *answer) {
    size_t i = 0;

    while (answers[i].hash[0] == '\0' || strcmp(answers[i].hash, answer->hash) == 0)
        i++;
    PROPERTY(i < answer_count);
    return &answers[i];
}

static int lie(const struct answer *answer, char *ret_hash) {
    plan.lies++;
    /* Where there is no hash, one is wrong in any case. */
    if (plan.lie == PARTS_OTHER_HASH || answer->hash[0] == '\0')
        return give(find_other(answer), ret_hash);
    if (plan.lie == PARTS_FAILURE)
        return -EIO;
    strcpy(ret_hash, answer->hash);
    ret_hash[PASSWORD_HASH_LEN - 1] = ret_hash[PASSWORD_HASH_LEN - 1] == '.' ? '/' : '.';
    return 0;
}

static int liar_take(void *state, unsigned lane, char *ret_hash) {
    const struct answer *answer = part_free(state, lane);

    return plan.taken++ < plan.right_takes ? give(answer, ret_hash) : lie(answer, ret_hash);
}

const struct engine_operations parts_reference = {
    .label = STATS_LIBXCRYPT,
    .open = part_open,
    .close = part_close,
    .submit = part_submit,
    .step = reference_step,
    .take = reference_take,
};

const struct engine_operations parts_liar = {
    .label = STATS_LANES,
    .open = part_open,
    .close = part_close,
    .submit = part_submit,
    .step = liar_step,
    .take = liar_take,
};
