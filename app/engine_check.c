#include "engine_check.h"

#include "clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_LENGTH 40
#define COST 4

/* Computed with the reference implementation of bcrypt. Bytes above 127 show the sign extension
 * bug that $2x$ stands for; the third of them meets the countermeasure of $2a$ against it; the last
 * has all 72 bytes. */
static const struct {
    const char *password;
    const char *hash;
} known_answers[] = {
    {"U*U", "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK"},
    {"\xff\xa3"
     "345",
     "$2b$04$/OK.fbVrR/bpIqNJ5ianF.ZgI8oGIrPrk3C2VsVZeWpiI/gDRxwKi"},
    {"\xff\xff\xa3", "$2a$04$/OK.fbVrR/bpIqNJ5ianF.Ias9ej8rVP83dbQWecz/ebYDer7Sfq6"},
    {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567",
     "$2y$04$999999999999999999999u5dAVNzQsMHFQhHZGoNkEFXEINiyyFU6"},
};
#define KNOWN_ANSWERS (sizeof known_answers / sizeof known_answers[0])

#define CASES (KNOWN_ANSWERS + ENGINE_LANES_MAX)

struct question {
    struct password password;
    char hash[PASSWORD_HASH_LEN + 1]; /* its answer */
};

static void load_known_answers(struct question questions[static KNOWN_ANSWERS]) {
    for (size_t i = 0; i < KNOWN_ANSWERS; i++) {
        struct password *password = &questions[i].password;

        password->length = strlen(known_answers[i].password);
        memcpy(password->bytes, known_answers[i].password, password->length + 1);
        memcpy(questions[i].hash, known_answers[i].hash, sizeof questions[i].hash);
    }
}

/* Lets count lanes of a part compute so many questions at once, of a ring of questions from the
 * first one on. */
static int ask(const struct engine_operations *part, void *state, const struct question *questions,
               size_t ring, size_t first, unsigned count) {
    const unsigned all = (1U << count) - 1;
    unsigned finished = 0;
    int result = 0;

    for (unsigned lane = 0; lane < count; lane++) {
        const struct question *question = &questions[(first + lane) % ring];

        part->submit(state, lane, &question->password, question->hash);
    }
    while (finished != all) {
        const unsigned now = part->step(state);

        for (unsigned lane = 0; lane < count; lane++) {
            char hash[PASSWORD_HASH_LEN + 1];
            int taken;

            if ((now & 1U << lane) == 0)
                continue;
            taken = part->take(state, lane, hash);
            if (taken == 0 && strcmp(hash, questions[(first + lane) % ring].hash) != 0)
                taken = -EBADMSG;
            result = result == 0 ? taken : result;
        }
        finished |= now;
    }
    return result;
}

int engine_check_answers(const struct engine_operations *part, void *state, uint64_t *ret_ns) {
    struct question questions[KNOWN_ANSWERS];

    load_known_answers(questions);
    for (size_t i = 0; i < KNOWN_ANSWERS; i++) {
        const uint64_t started_ns = clock_monotonic_ns();
        const int result = ask(part, state, questions, KNOWN_ANSWERS, i, 1);
        const uint64_t took_ns = clock_monotonic_ns() - started_ns;

        if (result < 0)
            return result;
        /* The shortest: in the others something else had the CPU. */
        if (i == 0 || took_ns < *ret_ns)
            *ret_ns = took_ns;
    }
    return 0;
}

/* A question that nobody has asked before, with the reference's answer. */
static int make_question(const struct engine_operations *reference, void *state,
                         struct question *question) {
    struct password *password = &question->password;
    char setting[PASSWORD_SETTING_LEN + 1];
    int result = password_new_setting(COST, setting);

    if (result < 0)
        return result;
    password->length = RANDOM_LENGTH;
    if (getrandom(password->bytes, RANDOM_LENGTH, 0) != RANDOM_LENGTH)
        return -EIO;
    for (size_t i = 0; i < RANDOM_LENGTH; i++)
        if (password->bytes[i] == '\0')
            password->bytes[i] = 1;
    reference->submit(state, 0, password, setting);
    while (reference->step(state) == 0)
        continue;
    return reference->take(state, 0, question->hash);
}

int engine_check_lanes(const struct engine_operations *part, void *state, unsigned lanes,
                       const struct engine_operations *reference, void *reference_state,
                       uint64_t *ret_ns) {
    struct question questions[CASES] = {0};
    const size_t ring = KNOWN_ANSWERS + lanes;
    int result = 0;

    load_known_answers(questions);
    for (size_t i = KNOWN_ANSWERS; i < ring && result == 0; i++)
        result = make_question(reference, reference_state, &questions[i]);
    for (unsigned count = lanes; count > 0 && result == 0; count--) {
        /* All questions, with each number of lanes. */
        for (size_t first = 0; first < ring && result == 0; first += count) {
            const uint64_t started_ns = clock_monotonic_ns();

            if (ask(part, state, questions, ring, first, count) < 0)
                result = -EBADMSG;
            if (count == lanes && first == 0)
                *ret_ns = clock_monotonic_ns() - started_ns;
        }
    }
    return result;
}
