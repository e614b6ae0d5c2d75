#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define ENVIRONMENT_PREFIX "BCRYPTD_"
#define NAME_SIZE 64
#define AUTO "auto" /* the default of a number that the program may choose; stored as 0 */

enum type { TYPE_NUMBER, TYPE_OCTAL, TYPE_SWITCH, TYPE_CHOICE, TYPE_TEXT };

struct spec {
    const char *name;
    enum type type;
    size_t offset;
    const char *initial;
    const char *unit;
    unsigned minimum;
    unsigned maximum;
    const char *const *choices; /* TYPE_CHOICE; its index plus minimum is stored */
    const char *text;
};

static const char *const switch_words[] = {"off", "on", NULL};
static const char *const engines[] = {"libxcrypt", "lanes", NULL};
static const char *const log_levels[] = {"error", "warning", "notice", "info", "debug", NULL};
static const char *const log_formats[] = {"auto", "json", "journald", NULL};

#define FIELD(member) offsetof(struct options, member)
#define NUMBER(name, member, initial, unit, minimum, maximum, text)                                \
    { name, TYPE_NUMBER, FIELD(member), initial, unit, minimum, maximum, NULL, text }
#define TEXT(name, member, initial, text)                                                          \
    { name, TYPE_TEXT, FIELD(member), initial, "", 0, OPTIONS_TEXT_SIZE - 1, NULL, text }

static const struct spec specs[] = {
    NUMBER("cost", cost, "12", "log2 rounds", 4, 31,
           "bcrypt cost of a new hash when the request names none"),
    NUMBER("min-cost", min_cost, "10", "log2 rounds", 4, 31, "lowest cost a request may ask for"),
    NUMBER("max-cost", max_cost, "15", "log2 rounds", 4, 31,
           "highest cost a request, or a hash to verify, may ask for"),
    {"gethash", TYPE_SWITCH, FIELD(gethash), "on", "", 0, 1, switch_words,
     "serve GET /gethash/<password>/; POST is the safer way"},
    NUMBER("workers", workers, "auto", "processes", 1, 256,
           "worker processes; auto is one for each CPU this process may use"),
    NUMBER("worker-nice", worker_nice, "5", "nice steps", 0, 19,
           "niceness of the workers, so that nginx and the status process come first; one that has "
           "more keeps it"),
    {"engine", TYPE_CHOICE, FIELD(engine), "libxcrypt", "", 0, 1, engines,
     "what computes the hashes; lanes computes several at once on each core"},
    NUMBER("lanes", lanes, "auto", "hashes", 1, OPTIONS_LANES_MAX,
           "hashes that a worker of the lanes engine computes at once; auto measures at the start"),
    NUMBER("cross-check-every", cross_check_every, "1000", "hashes", 0, 1000000000,
           "one in so many hashes of the lanes engine is computed again by libxcrypt; 0 is none"),
    NUMBER("deadline-ms", deadline_ms, "1000", "ms", 10, 600000,
           "a request whose wait and expected hash time exceed this is refused with 503"),
    NUMBER("queue-target-ms", queue_target_ms, "5", "ms", 1, 60000,
           "a queue with a wait above this for a whole queue-interval-ms is a standing queue"),
    NUMBER("queue-interval-ms", queue_interval_ms, "100", "ms", 10, 60000,
           "under a standing queue the allowed wait shrinks once in each interval"),
    NUMBER("read-timeout-ms", read_timeout_ms, "1000", "ms", 10, 60000,
           "longest wait for the next bytes of a request, or for room to write a reply"),
    NUMBER("worker-timeout-ms", worker_timeout_ms, "10000", "ms", 100, 600000,
           "a worker that is busy and makes no progress for this long is killed and replaced"),
    NUMBER("stop-timeout-ms", stop_timeout_ms, "10000", "ms", 0, 600000,
           "longest graceful stop; after it the workers are killed"),
    NUMBER("max-requests", max_requests, "0", "requests", 0, 1000000000,
           "a worker is replaced after this many requests; 0 is never"),
    NUMBER(
        "max-requests-jitter", max_requests_jitter, "20", "percent", 0, 100,
        "max-requests is lowered by a random share up to this, so workers do not leave together"),
    NUMBER("restart-delay-ms", restart_delay_ms, "2000", "ms", 10, 600000,
           "wait after a worker failed before it was ready; doubles with each failure"),
    NUMBER("restart-delay-max-ms", restart_delay_max_ms, "60000", "ms", 10, 3600000,
           "upper bound of that wait"),
    NUMBER("restart-rate", restart_rate, "20", "starts/s", 1, 1000,
           "most replacements a second of workers that died after they were ready"),
    TEXT("socket-dir", socket_dir, "/run/bcryptd",
         "directory of pool-N.sock and status.sock; unused when systemd passes the sockets"),
    NUMBER("pool-size", pool_size, "2", "sockets", 1, 16,
           "listening sockets of the pool; nginx retries on the next one"),
    NUMBER("backlog", backlog, "128", "connections", 1, 65535,
           "connections that may wait on one socket; keep it above nginx's in-flight cap"),
    {"socket-mode", TYPE_OCTAL, FIELD(socket_mode), "0660", "octal", 0, 0777, NULL,
     "access mode of the sockets"},
    TEXT("socket-group", socket_group, "", "group of the sockets; empty leaves the process's own"),
    TEXT("user", user, "", "user to become when started as root; empty stays"),
    {"log-level", TYPE_CHOICE, FIELD(log_level), "info", "", 3, 7, log_levels,
     "least serious message that is logged"},
    {"log-format", TYPE_CHOICE, FIELD(log_format), "auto", "", 0, 2, log_formats,
     "json is a line each on stderr; auto takes journald when stderr is the journal"},
};
#define SPEC_COUNT (sizeof specs / sizeof specs[0])

static const struct {
    const char *name;
    enum options_action action;
    const char *text;
} actions[] = {
    {"help", OPTIONS_HELP, "print this text"},
    {"version", OPTIONS_VERSION, "print the version"},
    {"test-config", OPTIONS_TEST_CONFIG, "check the settings and exit: 0 when they are usable"},
    {"list-options", OPTIONS_LIST, "print the table of settings, tab separated"},
    {"print-cap", OPTIONS_PRINT_CAP, "print the in-flight cap that nginx should have"},
    {"benchmark", OPTIONS_BENCHMARK, "measure the engines on this machine, some seconds"},
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

static const char *type_name(enum type type) {
    static const char *const names[] = {"number", "octal", "switch", "choice", "text"};

    return names[type];
}

/* "min-cost" becomes "BCRYPTD_MIN_COST". */
static void environment_name(const struct spec *spec, char ret_name[static NAME_SIZE]) {
    size_t used = (size_t)snprintf(ret_name, NAME_SIZE, "%s%s", ENVIRONMENT_PREFIX, spec->name);

    for (size_t i = 0; i < used; i++)
        ret_name[i] = (char)(ret_name[i] == '-' ? '_' : toupper((unsigned char)ret_name[i]));
}

static void *field_of(struct options *options, const struct spec *spec) {
    return (char *)options + spec->offset;
}

static bool chooses_itself(const struct spec *spec) {
    return strcmp(spec->initial, AUTO) == 0;
}

static int parse_number(const struct spec *spec, const char *value, unsigned *ret) {
    char *end = NULL;
    unsigned long number;

    if (chooses_itself(spec) && strcmp(value, AUTO) == 0) {
        *ret = 0;
        return 0;
    }
    if (!isdigit((unsigned char)value[0]))
        return -EINVAL;
    errno = 0;
    number = strtoul(value, &end, spec->type == TYPE_OCTAL ? 8 : 10);
    if (errno != 0 || *end != '\0' || number > UINT_MAX)
        return -EINVAL;
    if (number < spec->minimum || number > spec->maximum)
        return -ERANGE;
    *ret = (unsigned)number;
    return 0;
}

static int parse_word(const struct spec *spec, const char *value, unsigned *ret) {
    for (unsigned i = 0; spec->choices[i] != NULL; i++) {
        if (strcmp(spec->choices[i], value) == 0) {
            *ret = spec->minimum + i;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_value(struct options *options, const struct spec *spec, const char *value) {
    void *field = field_of(options, spec);

    switch (spec->type) {
    case TYPE_NUMBER:
    case TYPE_OCTAL:
        return parse_number(spec, value, field);
    case TYPE_SWITCH:
    case TYPE_CHOICE:
        return parse_word(spec, value, field);
    case TYPE_TEXT:
        if (strlen(value) >= OPTIONS_TEXT_SIZE)
            return -ERANGE;
        memcpy(field, value, strlen(value) + 1);
        return 0;
    }
    return -EINVAL;
}

/* What a setting accepts, for an error message. */
static void describe_range(const struct spec *spec, char *text, size_t size) {
    size_t used = 0;

    switch (spec->type) {
    case TYPE_NUMBER:
        snprintf(text, size, "%sa whole number from %u to %u (%s)",
                 chooses_itself(spec) ? AUTO " or " : "", spec->minimum, spec->maximum, spec->unit);
        break;
    case TYPE_OCTAL:
        snprintf(text, size, "an octal number from %o to %04o", spec->minimum, spec->maximum);
        break;
    case TYPE_TEXT:
        snprintf(text, size, "at most %u characters", spec->maximum);
        break;
    case TYPE_SWITCH:
    case TYPE_CHOICE:
        text[0] = '\0';
        for (size_t i = 0; spec->choices[i] != NULL && used < size; i++)
            used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : ", ",
                                     spec->choices[i]);
        break;
    }
}

static int apply(struct options *options, const struct spec *spec, const char *source,
                 const char *value, char ret_error[static OPTIONS_ERROR_SIZE]) {
    char range[96];

    if (parse_value(options, spec, value) == 0)
        return 0;
    describe_range(spec, range, sizeof range);
    snprintf(ret_error, OPTIONS_ERROR_SIZE, "%s: '%.60s' is not usable; allowed: %s", source, value,
             range);
    return -EINVAL;
}

static int load_environment(struct options *options, char ret_error[static OPTIONS_ERROR_SIZE]) {
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        char name[NAME_SIZE];
        const char *value;

        environment_name(&specs[i], name);
        value = getenv(name);
        if (value == NULL)
            continue;
        if (apply(options, &specs[i], name, value, ret_error) < 0)
            return -EINVAL;
    }
    return 0;
}

static bool find_action(const char *name, enum options_action *ret_action) {
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            *ret_action = actions[i].action;
            return true;
        }
    }
    return false;
}

static const struct spec *find_spec(const char *name, size_t length) {
    for (size_t i = 0; i < SPEC_COUNT; i++)
        if (strlen(specs[i].name) == length && memcmp(specs[i].name, name, length) == 0)
            return &specs[i];
    return NULL;
}

/* Takes "--name=value" or "--name value" at argv[*index] and moves *index to its last word. */
static int load_flag(struct options *options, int argc, char *const argv[], int *index,
                     char ret_error[static OPTIONS_ERROR_SIZE]) {
    const char *word = argv[*index];
    const size_t length = strcspn(word, "=");
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    const struct spec *spec = length > 2 ? find_spec(word + 2, length - 2) : NULL;
    char source[NAME_SIZE];

    if (spec == NULL || strncmp(word, "--", 2) != 0) {
        snprintf(ret_error, OPTIONS_ERROR_SIZE, "unknown argument '%.60s'; see --help", word);
        return -EINVAL;
    }
    snprintf(source, sizeof source, "--%s", spec->name);
    if (value == NULL) {
        if (*index + 1 >= argc) {
            snprintf(ret_error, OPTIONS_ERROR_SIZE, "%s needs a value; see --help", source);
            return -EINVAL;
        }
        value = argv[++*index];
    }
    return apply(options, spec, source, value, ret_error);
}

int options_load(int argc, char *const argv[], struct options *ret, enum options_action *ret_action,
                 char ret_error[static OPTIONS_ERROR_SIZE]) {
    struct options options = {0};
    enum options_action action = OPTIONS_RUN;

    for (size_t i = 0; i < SPEC_COUNT; i++)
        if (apply(&options, &specs[i], specs[i].name, specs[i].initial, ret_error) < 0)
            return -EINVAL;
    if (load_environment(&options, ret_error) < 0)
        return -EINVAL;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0 && find_action(argv[i] + 2, &action))
            continue;
        if (load_flag(&options, argc, argv, &i, ret_error) < 0)
            return -EINVAL;
    }
    *ret = options;
    *ret_action = action;
    return 0;
}

static unsigned usable_cpus(void) {
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

int options_validate(struct options *options, char ret_error[static OPTIONS_ERROR_SIZE]) {
    const char *longest_name = "/pool-15.sock";

    if (options->min_cost > options->cost || options->cost > options->max_cost) {
        snprintf(ret_error, OPTIONS_ERROR_SIZE,
                 "cost: %u is outside of min-cost %u to max-cost %u; change the range with it",
                 options->cost, options->min_cost, options->max_cost);
        return -EINVAL;
    }
    if (options->restart_delay_ms > options->restart_delay_max_ms) {
        snprintf(ret_error, OPTIONS_ERROR_SIZE,
                 "restart-delay-ms: %u is above restart-delay-max-ms %u", options->restart_delay_ms,
                 options->restart_delay_max_ms);
        return -EINVAL;
    }
    if (options->socket_dir[0] != '/') {
        snprintf(ret_error, OPTIONS_ERROR_SIZE, "socket-dir: '%s' is not an absolute path",
                 options->socket_dir);
        return -EINVAL;
    }
    if (strlen(options->socket_dir) + strlen(longest_name) >= OPTIONS_TEXT_SIZE) {
        snprintf(ret_error, OPTIONS_ERROR_SIZE,
                 "socket-dir: %zu characters leave no room for a socket's name; at most %zu",
                 strlen(options->socket_dir), OPTIONS_TEXT_SIZE - 1 - strlen(longest_name));
        return -EINVAL;
    }
    if (options->workers == 0)
        options->workers = usable_cpus();
    if (options->engine == OPTIONS_ENGINE_LIBXCRYPT)
        options->lanes = 1;
    return 0;
}

void options_print_help(FILE *out) {
    fputs("Usage: bcryptd [--NAME VALUE]...\n"
          "Serves bcrypt hashing over FastCGI on unix sockets, for nginx.\n\n"
          "Each setting is a flag or an environment variable (--min-cost is BCRYPTD_MIN_COST);\n"
          "the flag is the stronger one.\n\n",
          out);
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        const struct spec *spec = &specs[i];

        const bool counts = isdigit((unsigned char)spec->initial[0]) && spec->unit[0] != '\0';

        fprintf(out, "  --%s (%s%s%s)\n      %s\n", spec->name,
                spec->initial[0] == '\0' ? "empty" : spec->initial, counts ? " " : "",
                counts ? spec->unit : "", spec->text);
    }
    fputs("\nInstead of serving:\n", out);
    for (size_t i = 0; i < ACTION_COUNT; i++)
        fprintf(out, "  --%-14s %s\n", actions[i].name, actions[i].text);
}

void options_print_list(FILE *out) {
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        const struct spec *spec = &specs[i];
        char name[NAME_SIZE];
        char range[96] = "";

        environment_name(spec, name);
        fprintf(out, "%s\t%s\t%s\t%s\t%s\t", spec->name, name, type_name(spec->type), spec->initial,
                spec->unit);
        if (spec->type == TYPE_NUMBER)
            fprintf(out, "%u\t%u", spec->minimum, spec->maximum);
        else if (spec->type == TYPE_OCTAL)
            fprintf(out, "%04o\t%04o", spec->minimum, spec->maximum);
        else {
            describe_range(spec, range, sizeof range);
            fprintf(out, "\t%s", range);
        }
        fprintf(out, "\t%s\n", spec->text);
    }
}

void options_each_number(const struct options *options,
                         void (*visit)(void *context, const char *name, const char *unit,
                                       unsigned value),
                         void *context) {
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        const void *field = (const char *)options + specs[i].offset;

        if (specs[i].type == TYPE_NUMBER)
            visit(context, specs[i].name, specs[i].unit, *(const unsigned *)field);
    }
}

unsigned options_in_flight_cap(const struct options *options) {
    const unsigned capacity = options->workers * options->lanes;

    return capacity + (capacity > 1 ? capacity / 2 : 1);
}
