/* equal_lanes: random cases through the lanes, each compared with libxcrypt's hash.
 *
 *   equal_lanes [--cases N] [--seed N] [--reuse N]
 *
 * A case is a password of 1 to 72 bytes, a kind, a salt and a cost, in whatever place it comes to
 * stand, among neighbours that join and leave at random. Each of libxcrypt's hashes serves for
 * --reuse cases, at other times and in other company. Prints a line and exits 0 when all are equal,
 * 1 and the case otherwise. The same seed gives the same cases; without one it is drawn. */
#include "engine.h"
#include "questions.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ENTRIES 64 /* questions that are asked in turn, each replaced when it was asked enough */

struct entry {
    struct question question;
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
    struct entry entry[ENTRIES];
    const struct entry *asked[ENGINE_LANES_MAX];
};

static unsigned draw_below(struct run *run, unsigned bound) {
    return questions_draw_below(&run->random, bound);
}

static bool is_asked(const struct run *run, const struct entry *entry) {
    for (unsigned lane = 0; lane < ENGINE_LANES_MAX; lane++)
        if (run->asked[lane] == entry)
            return true;
    return false;
}

static const struct entry *choose(struct run *run) {
    struct entry *entry = &run->entry[draw_below(run, ENTRIES)];
    const bool used_up = entry->uses >= run->reuse || entry->question.hash[0] == '\0';

    /* Whoever computes it now still needs it; it may then be asked more often. */
    if (used_up && !is_asked(run, entry)) {
        questions_next(&run->random, &entry->question);
        entry->uses = 0;
        run->references++;
    }
    entry->uses++;
    return entry;
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
        engine_lanes.submit(run->lanes, lane, &run->asked[lane]->question.password,
                            run->asked[lane]->question.hash);
        run->begun++;
        run->active++;
    }
}

static bool compare(struct run *run, unsigned lane) {
    const struct question *question = &run->asked[lane]->question;
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
