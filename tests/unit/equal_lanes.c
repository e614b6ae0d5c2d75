/* equal_lanes: random cases through the lanes, each compared with libxcrypt's hash.
 *
 *   equal_lanes [--cases N] [--seed N] [--reuse N]
 *
 * A case is a password of 1 to 72 bytes, a kind, a salt and a cost, in whatever place it comes to
 * stand, among neighbours that join and leave at random. Each of libxcrypt's hashes serves for
 * --reuse cases, at other times and in other company. Prints a line and exits 0 when all are equal,
 * 1 and the case otherwise. The same seed gives the same cases; without one it is drawn. */
#include "engine.h"

#include <crypt.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LOWEST_COST 4
#define QUESTIONS 64 /* asked in turn, each replaced when it was asked often enough */

struct question {
    struct password password;
    char hash[PASSWORD_HASH_LEN + 1];
    unsigned uses;
};

struct run {
    uint64_t random;
    bool seeded;
    uint64_t cases;
    uint64_t reuse;
    uint64_t begun;
    uint64_t compared;
    uint64_t references;
    uint64_t with[ENGINE_LANES_MAX + 1]; /* steps with so many active lanes */
    unsigned wanted;                     /* lanes to be filled at the moment */
    unsigned active;
    void *lanes;
    struct crypt_data work;
    struct question question[QUESTIONS];
    const struct question *asked[ENGINE_LANES_MAX];
};

/* SplitMix64 (G. Steele, D. Lea, C. Flood, 2014). */
static uint64_t draw(struct run *run) {
    uint64_t mixed = run->random += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static unsigned draw_below(struct run *run, unsigned bound) {
    return (unsigned)(draw(run) % bound);
}

/* Bytes of few values in some passwords: repeated ones meet the $2a$ countermeasure, and the edges
 * of what is a character. */
static void draw_password(struct run *run, struct password *password) {
    static const char edges[] = "\x01\x7f\x80\xff";
    const bool few = draw_below(run, 4) == 0;

    password->length = draw_below(run, 8) == 0 ? PASSWORD_MAX : 1 + draw_below(run, PASSWORD_MAX);
    for (size_t i = 0; i < password->length; i++)
        password->bytes[i] =
            few ? edges[draw_below(run, sizeof edges - 1)] : (char)(1 + draw_below(run, 255));
    password->bytes[password->length] = '\0';
}

static void draw_setting(struct run *run, char *setting, size_t size) {
    static const char *const kinds[] = {"$2a$", "$2b$", "$2y$"};
    const unsigned long cost = LOWEST_COST + (draw_below(run, 16) == 0);
    const uint64_t salt[2] = {draw(run), draw(run)};

    if (crypt_gensalt_rn(kinds[draw_below(run, 3)], cost, (const char *)salt, sizeof salt, setting,
                         (int)size) == NULL) {
        perror("equal_lanes: crypt_gensalt_rn");
        exit(2);
    }
}

static void make_question(struct run *run, struct question *question) {
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash;

    *question = (struct question){0};
    draw_password(run, &question->password);
    draw_setting(run, setting, sizeof setting);
    hash = crypt_rn(question->password.bytes, setting, &run->work, (int)sizeof run->work);
    if (hash == NULL || strlen(hash) != PASSWORD_HASH_LEN) {
        perror("equal_lanes: crypt_rn");
        exit(2);
    }
    strcpy(question->hash, hash);
    run->references++;
}

static bool is_asked(const struct run *run, const struct question *question) {
    for (unsigned lane = 0; lane < ENGINE_LANES_MAX; lane++)
        if (run->asked[lane] == question)
            return true;
    return false;
}

static const struct question *choose(struct run *run) {
    struct question *question = &run->question[draw_below(run, QUESTIONS)];

    if (question->uses >= run->reuse || question->hash[0] == '\0') {
        /* Whoever computes it now still needs it; it may then be asked more often. */
        if (!is_asked(run, question))
            make_question(run, question);
    }
    question->uses++;
    return question;
}

/* Fills free lanes, in no order, up to a number that changes now and then. */
static void join(struct run *run) {
    if (draw_below(run, 4) == 0)
        run->wanted = 1 + draw_below(run, ENGINE_LANES_MAX);
    while (run->active < run->wanted && run->begun < run->cases) {
        const unsigned lane = draw_below(run, ENGINE_LANES_MAX);

        if (run->asked[lane] != NULL)
            continue;
        run->asked[lane] = choose(run);
        engine_lanes.submit(run->lanes, lane, &run->asked[lane]->password, run->asked[lane]->hash);
        run->begun++;
        run->active++;
    }
}

static bool compare(struct run *run, unsigned lane) {
    const struct question *question = run->asked[lane];
    char hash[PASSWORD_HASH_LEN + 1] = "";
    const int result = engine_lanes.take(run->lanes, lane, hash);

    run->asked[lane] = NULL;
    run->active--;
    run->compared++;
    if (result == 0 && strcmp(hash, question->hash) == 0)
        return true;
    printf("lane %u, case %" PRIu64 ": %s instead of %s, password", lane, run->compared, hash,
           question->hash);
    for (size_t i = 0; i < question->password.length; i++)
        printf(" %02x", (unsigned char)question->password.bytes[i]);
    puts("");
    return false;
}

static bool compare_all(struct run *run) {
    bool equal = true;

    while (run->compared < run->cases) {
        unsigned finished;

        join(run);
        run->with[run->active]++;
        finished = engine_lanes.step(run->lanes);
        for (unsigned lane = 0; lane < ENGINE_LANES_MAX; lane++)
            if ((finished & 1U << lane) != 0 && !compare(run, lane))
                equal = false;
        if (!equal)
            break;
    }
    return equal;
}

static bool parse(int argc, char *argv[], struct run *run) {
    static const struct option names[] = {
        {"cases", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 's'},
        {"reuse", required_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'c':
            run->cases = strtoull(optarg, NULL, 10);
            break;
        case 's':
            run->random = strtoull(optarg, NULL, 10);
            run->seeded = true;
            break;
        case 'r':
            run->reuse = strtoull(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    return optind == argc && run->cases > 0 && run->reuse > 0;
}

int main(int argc, char *argv[]) {
    static struct run run = {.cases = 20000, .reuse = 4};
    uint64_t seed;
    bool equal;

    if (!parse(argc, argv, &run)) {
        fputs("usage: equal_lanes [--cases N] [--seed N] [--reuse N]\n", stderr);
        return 2;
    }
    if (!run.seeded && getrandom(&run.random, sizeof run.random, 0) < 0) {
        perror("equal_lanes: getrandom");
        return 2;
    }
    seed = run.random;
    if (engine_lanes.open(&run.lanes) < 0) {
        fputs("equal_lanes: no memory\n", stderr);
        return 2;
    }
    equal = compare_all(&run);
    engine_lanes.close(run.lanes);
    printf("%s: %" PRIu64 " cases, %" PRIu64 " hashes of libxcrypt, seed %" PRIu64
           ", steps with 1 to %d lanes:",
           equal ? "equal" : "DIFFERENT", run.compared, run.references, seed, ENGINE_LANES_MAX);
    for (unsigned count = 1; count <= ENGINE_LANES_MAX; count++)
        printf(" %" PRIu64, run.with[count]);
    puts("");
    return equal ? EXIT_SUCCESS : EXIT_FAILURE;
}
