/* The engine with several lanes, used as a worker uses it but in any order that its contract
 * allows: the input's bytes are what is submitted, when a step is made, in which order the finished
 * lanes are taken, and what the engine draws at random. Behind the door stand the real parts, which
 * must never fall back, or a fast part that lies from some moment on, of which nothing may come out
 * where it is checked. Every hash is compared with libxcrypt's. */
#include "engine.h"
#include "log.h"
#include "parts.h"
#include "property.h"

#include <crypt.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>

#define CHECK_EVERY_MAX 3
#define REAL_HASHES 16  /* of cost 4, in one input: they take their time */
#define LIAR_HASHES 256 /* these are looked up */
#define STEPS_MAX 1000  /* far above what so many lanes and rounds can need */

struct question {
    struct password password;
    const char *setting;
};

static const struct password passwords[] = {
    {"U*U", 3},
    {"a", 1},
    {"\xff\xa3"
     "345",
     5},
    /* Meets the countermeasure of $2a$. */
    {"\xff\xff\xa3", 3},
    {"\x80\x01\x7f\xff\x80\x01\x7f\xff\x80\x01\x7f\xff", 12},
    {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567", 72},
};
#define PASSWORDS (sizeof passwords / sizeof passwords[0])

static const char *const settings[] = {
    "$2b$04$abcdefghijklmnopqrstuu",
    "$2a$04$abcdefghijklmnopqrstuu",
    "$2b$05$/OK.fbVrR/bpIqNJ5ianF.",
    /* A salt with bits in its last character that do not count, and a whole hash. */
    "$2y$04$999999999999999999999z",
    "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK",
    /* Broken ones. */
    "",
    "$2b$04$abcdefghijklmnopqrstu",
    "$2b$03$abcdefghijklmnopqrstuu",
    "$2b$32$abcdefghijklmnopqrstuu",
    "$2b$04$abcdefghij:lmnopqrstuu",
    "$2c$04$abcdefghijklmnopqrstuu",
};
#define SETTINGS (sizeof settings / sizeof settings[0])

static struct {
    const uint8_t *data;
    size_t size;
} input;

/* Zero at the end. */
static uint8_t next_byte(void) {
    if (input.size == 0)
        return 0;
    input.size--;
    return *input.data++;
}

/* What an engine draws while it opens: the same each time, so that the answers are known. */
static struct {
    bool opening;
    uint64_t state;
} random_source;

/* SplitMix64 (G. Steele, D. Lea, C. Flood, 2014). */
static uint64_t draw(void) {
    uint64_t mixed = random_source.state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

/* The linker puts this in the place of getrandom(): an input does the same each time. */
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags) {
    unsigned char *bytes = buffer;
    uint8_t byte;

    (void)flags;
    if (random_source.opening) {
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)draw();
        return (ssize_t)size;
    }
    byte = next_byte();
    if (byte == UINT8_MAX)
        return -1;
    memset(buffer, byte, size);
    return (ssize_t)size;
}

/* And this in the place of password_new_setting(). */
int __wrap_password_new_setting(unsigned cost, char ret_setting[static PASSWORD_SETTING_LEN + 1]);
int __wrap_password_new_setting(unsigned cost, char ret_setting[static PASSWORD_SETTING_LEN + 1]) {
    const uint64_t salt[2] = {draw(), draw()};
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];

    PROPERTY(crypt_gensalt_rn("$2b$", cost, (const char *)salt, sizeof salt, setting,
                              sizeof setting) != NULL);
    memcpy(ret_setting, setting, PASSWORD_SETTING_LEN + 1);
    return 0;
}

/* An engine and what is known of it. */
struct scene {
    bool real;
    unsigned lanes;
    unsigned check_every;
    struct stats stats;
    struct engine *engine;
    unsigned hashes_left; /* in this input, in the time of one of cost 4 */
    uint64_t submitted;
    uint64_t completed;
    uint64_t order[ENGINE_LANES_MAX];
    struct question asked[ENGINE_LANES_MAX];
    unsigned active; /* a bit for each lane, the finished ones included */
    unsigned finished;
};

static uint64_t count_fallbacks(const struct scene *scene) {
    return stats_get(&scene->stats.fallbacks[STATS_FALLBACK_START]) +
           stats_get(&scene->stats.fallbacks[STATS_FALLBACK_CROSS_CHECK]);
}

static uint64_t count_checks(const struct scene *scene) {
    return stats_get(&scene->stats.cross_checks[STATS_CHECK_EQUAL]) +
           stats_get(&scene->stats.cross_checks[STATS_CHECK_DIFFERENT]);
}

/* What its users see agrees with what was counted. */
static void check_label(const struct scene *scene) {
    const bool fast = count_fallbacks(scene) == 0;

    PROPERTY(count_fallbacks(scene) <= 1);
    PROPERTY(fast || !scene->real);
    PROPERTY(engine_label(scene->engine) == (fast ? STATS_LANES : STATS_LIBXCRYPT));
    PROPERTY(engine_lane_count(scene->engine) == (fast ? scene->lanes : 1));
}

/* A lie in the start check is always found there. */
static void check_start(const struct scene *scene) {
    const uint64_t found = stats_get(&scene->stats.fallbacks[STATS_FALLBACK_START]);

    PROPERTY(found == (scene->real || parts_lies() == 0 ? 0 : 1));
    PROPERTY(engine_cost4_ns(scene->engine) > 0);
    check_label(scene);
}

static void open_engine(struct scene *scene) {
    const struct engine_setup setup = {
        .reference = scene->real ? &engine_libxcrypt : &parts_reference,
        .fast = scene->real ? &engine_lanes : &parts_liar,
        .lanes = scene->lanes,
        .check_every = scene->check_every,
        .stats = &scene->stats,
    };

    memset(&scene->stats, 0, sizeof scene->stats);
    scene->active = scene->finished = 0;
    scene->submitted = scene->completed = 0;
    random_source.opening = true;
    random_source.state = 0;
    PROPERTY(engine_open(&setup, &scene->engine) == 0);
    random_source.opening = false;
    check_start(scene);
}

static void close_engine(struct scene *scene) {
    engine_close(&scene->engine);
    PROPERTY(scene->engine == NULL);
}

/* A bit for each lane that may be given something. */
static unsigned free_lanes(const struct scene *scene) {
    return ((1U << engine_lane_count(scene->engine)) - 1) & ~scene->active;
}

/* The number of some bit that is set. */
static unsigned choose_bit(unsigned bits, unsigned choice) {
    for (choice %= (unsigned)__builtin_popcount(bits); choice > 0; choice--)
        bits &= bits - 1;
    return (unsigned)__builtin_ctz(bits);
}

/* Of the time of a hash; 0 when there is none. */
static unsigned hashes_of(const struct question *question) {
    const char *answer = parts_answer(&question->password, question->setting);

    return answer != NULL ? 1U << (unsigned)(atoi(answer + 4) - 4) : 0;
}

static void submit(struct scene *scene, unsigned choice) {
    const unsigned number = next_byte();
    const struct question question = {passwords[number % PASSWORDS],
                                      settings[number / PASSWORDS % SETTINGS]};
    const unsigned hashes = hashes_of(&question);
    unsigned lane;

    if (free_lanes(scene) == 0 || hashes > scene->hashes_left)
        return;
    lane = choose_bit(free_lanes(scene), choice);
    scene->hashes_left -= hashes;
    scene->asked[lane] = question;
    scene->order[lane] = scene->submitted++;
    scene->active |= 1U << lane;
    engine_submit(scene->engine, lane, &question.password, question.setting);
}

/* Compares what came out of a lane that was checked, or that the liar has nothing to do with. */
static void compare(const struct question *question, int result, const char *hash) {
    const char *answer = parts_answer(&question->password, question->setting);

    PROPERTY((result == 0) == (answer != NULL));
    PROPERTY(result == 0 || result == -EINVAL);
    if (answer != NULL)
        PROPERTY(strcmp(hash, answer) == 0);
}

static void check_taken(const struct scene *scene, bool was_fast, bool checked, bool lied) {
    const uint64_t found = stats_get(&scene->stats.fallbacks[STATS_FALLBACK_CROSS_CHECK]);

    PROPERTY(was_fast || (!checked && !lied));
    if (was_fast) {
        PROPERTY(found == (checked && lied ? 1 : 0));
        PROPERTY(checked || scene->check_every != 1);
        PROPERTY(!checked || scene->check_every != 0);
    }
    check_label(scene);
}

static void take(struct scene *scene, unsigned choice) {
    const bool was_fast = count_fallbacks(scene) == 0;
    const uint64_t checks = count_checks(scene);
    const unsigned lies = parts_lies();
    char hash[PASSWORD_HASH_LEN + 1] = "";
    unsigned lane;
    bool checked;
    bool lied;
    int result;

    if (scene->finished == 0)
        return;
    lane = choose_bit(scene->finished, choice);
    result = engine_take(scene->engine, lane, hash);
    checked = count_checks(scene) > checks;
    lied = parts_lies() > lies;
    scene->finished &= ~(1U << lane);
    scene->active &= ~(1U << lane);
    scene->completed += result == 0;
    if (checked || !lied)
        compare(&scene->asked[lane], result, hash);
    check_taken(scene, was_fast, checked, lied);
}

static unsigned oldest(const struct scene *scene) {
    unsigned oldest = choose_bit(scene->active, 0);

    for (unsigned lane = 0; lane < ENGINE_LANES_MAX; lane++)
        if ((scene->active & 1U << lane) != 0 && scene->order[lane] < scene->order[oldest])
            oldest = lane;
    return oldest;
}

static void step(struct scene *scene, unsigned choice) {
    while (scene->finished != 0)
        take(scene, choice);
    scene->finished = engine_step(scene->engine);
    PROPERTY((scene->finished & ~scene->active) == 0);
    if (count_fallbacks(scene) > 0)
        PROPERTY(scene->finished == (scene->active != 0 ? 1U << oldest(scene) : 0));
}

/* Nothing is left behind, however far it has come, whatever has fallen back. */
static void finish_all(struct scene *scene, unsigned choice) {
    unsigned steps = 0;

    while (scene->active != 0) {
        step(scene, choice);
        while (scene->finished != 0)
            take(scene, choice);
        PROPERTY(++steps < STEPS_MAX);
    }
    PROPERTY(engine_step(scene->engine) == 0);
}

static uint64_t sum(const stats_counter counters[STATS_ENGINES][STATS_COSTS]) {
    uint64_t total = 0;

    for (unsigned engine = 0; engine < STATS_ENGINES; engine++)
        for (unsigned cost = 0; cost < STATS_COSTS; cost++)
            total += stats_get(&counters[engine][cost]);
    return total;
}

static void check_counts(const struct scene *scene) {
    PROPERTY(sum(scene->stats.submitted) == scene->submitted);
    PROPERTY(sum(scene->stats.completed) == scene->completed);
}

/* With whatever is under way. A real one takes long to open, and counts as the hashes of that. */
static void reopen(struct scene *scene) {
    const unsigned hashes = scene->real ? REAL_HASHES : scene->lanes;

    if (hashes > scene->hashes_left)
        return;
    scene->hashes_left -= hashes;
    close_engine(scene);
    open_engine(scene);
}

static void obey(struct scene *scene, uint8_t command) {
    enum { SUBMIT, STEP, TAKE, FINISH_ALL, REOPEN = UINT8_MAX };
    const unsigned choice = command / 4;

    if (command == REOPEN) {
        reopen(scene);
        return;
    }
    switch (command % 4) {
    case SUBMIT:
        submit(scene, choice);
        break;
    case STEP:
        step(scene, choice);
        break;
    case TAKE:
        take(scene, choice);
        break;
    case FINISH_ALL:
        finish_all(scene, choice);
        break;
    }
}

/* Engines of the real parts are kept, as opening one computes up to 48 hashes. */
static struct scene *find_real(unsigned lanes, unsigned check_every) {
    static struct scene scenes[ENGINE_LANES_MAX + 1][CHECK_EVERY_MAX + 1];
    struct scene *scene = &scenes[lanes][check_every];

    if (scene->engine == NULL) {
        *scene = (struct scene){.real = true, .lanes = lanes, .check_every = check_every};
        open_engine(scene);
    }
    scene->hashes_left = REAL_HASHES;
    return scene;
}

static struct scene *make_liar(unsigned lanes, unsigned check_every) {
    static struct scene scene;
    const uint8_t kind = next_byte();

    scene = (struct scene){.lanes = lanes, .check_every = check_every, .hashes_left = LIAR_HASHES};
    parts_plan_lie(kind % PARTS_LIES, next_byte());
    open_engine(&scene);
    return &scene;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct scene *scene;
    uint8_t choice;

    input.data = data;
    input.size = size;
    log_init(OPTIONS_LOG_JSON, LOG_EMERG);
    choice = next_byte();
    scene = (choice & 0x20 ? find_real : make_liar)(1 + choice % ENGINE_LANES_MAX,
                                                    choice / ENGINE_LANES_MAX % 4);
    while (input.size > 0)
        obey(scene, next_byte());
    finish_all(scene, 0);
    check_counts(scene);
    if (!scene->real)
        close_engine(scene);
    return 0;
}
