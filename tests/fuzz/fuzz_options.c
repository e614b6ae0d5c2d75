/* Values of options, as flags and from the environment. The first byte of an input chooses the
 * option, the rest is its value. */
#include "options.h"
#include "property.h"

#include <errno.h>
#include <string.h>

#define ROWS_MAX 64
#define VALUE_MAX 400

/* A row of options_print_list(). */
struct row {
    const char *name;
    const char *environment;
    const char *type;
    bool chooses_itself; /* "auto" is stored as 0 */
    unsigned long minimum;
    unsigned long maximum;
};

static struct row rows[ROWS_MAX];
static size_t row_count;

static void read_row(char *line, struct row *row) {
    const char *fields[8];

    for (size_t i = 0; i < 8; i++)
        fields[i] = strsep(&line, "\t");
    *row = (struct row){
        .name = fields[0],
        .environment = fields[1],
        .type = fields[2],
        .chooses_itself = strcmp(fields[3], "auto") == 0,
        .minimum = strtoul(fields[5], NULL, 0),
        .maximum = strtoul(fields[6], NULL, 0),
    };
}

static void set_up(void) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    char *line;

    options_print_list(out);
    fclose(out);
    /* The rows point into the text, which stays. */
    while ((line = strsep(&text, "\n")) != NULL && *line != '\0') {
        PROPERTY(row_count < ROWS_MAX);
        read_row(line, &rows[row_count++]);
    }
}

struct search {
    const char *name;
    unsigned value;
};

static void match(void *context, const char *name, const char *unit, unsigned value) {
    struct search *search = context;

    (void)unit;
    if (strcmp(name, search->name) == 0)
        search->value = value;
}

/* Loads one word after the program's name, or none. */
static int load(char *word, struct options *ret, char *error) {
    char program[] = "bcryptd";
    char *const argv[] = {program, word, NULL};
    enum options_action action;
    int result;

    memset(error, 'e', OPTIONS_ERROR_SIZE);
    result = options_load(word != NULL ? 2 : 1, argv, ret, &action, error);
    PROPERTY(result == 0 || result == -EINVAL);
    if (result == 0)
        PROPERTY(action == OPTIONS_RUN);
    else
        PROPERTY(memchr(error, '\0', OPTIONS_ERROR_SIZE) != NULL);
    return result;
}

static void check_number(const struct row *row, const struct options *options) {
    struct search search = {row->name, 0};
    struct options again;
    char error[OPTIONS_ERROR_SIZE];
    char word[128];

    options_each_number(options, match, &search);
    if (row->chooses_itself && search.value == 0) {
        snprintf(word, sizeof word, "--%s=auto", row->name);
    } else {
        PROPERTY(search.value >= row->minimum && search.value <= row->maximum);
        snprintf(word, sizeof word, "--%s=%u", row->name, search.value);
    }
    PROPERTY(load(word, &again, error) == 0);
    PROPERTY(memcmp(options, &again, sizeof again) == 0);
}

/* The error names the setting and its value, and says what is allowed. */
static void check_error(const char *error, const char *setting, const char *value) {
    char start[64];

    snprintf(start, sizeof start, "%.60s", value);
    PROPERTY(strncmp(error, setting, strlen(setting)) == 0);
    PROPERTY(strstr(error, start) != NULL);
    PROPERTY(strstr(error, "allowed: ") != NULL);
}

static void check_validated(struct options *options) {
    char error[OPTIONS_ERROR_SIZE] = "";

    if (options_validate(options, error) < 0) {
        PROPERTY(error[0] != '\0' && memchr(error, '\0', sizeof error) != NULL);
        return;
    }
    PROPERTY(options->workers > 0);
    PROPERTY(options->min_cost <= options->cost && options->cost <= options->max_cost);
    PROPERTY(options->socket_dir[0] == '/');
    PROPERTY(options->lanes <= OPTIONS_LANES_MAX);
    PROPERTY(options->lanes == 1 || options->engine == OPTIONS_ENGINE_LANES);
    PROPERTY(options_in_flight_cap(options) > options->workers * options->lanes);
}

static void check(const struct row *row, const char *value) {
    static struct options as_flag;
    static struct options from_environment;
    char error[OPTIONS_ERROR_SIZE];
    char setting[80];
    char word[VALUE_MAX + 80];
    int result;

    snprintf(setting, sizeof setting, "--%s", row->name);
    snprintf(word, sizeof word, "%s=%s", setting, value);
    memset(&as_flag, 0, sizeof as_flag);
    result = load(word, &as_flag, error);
    if (result < 0)
        check_error(error, setting, value);
    setenv(row->environment, value, 1);
    memset(&from_environment, 0, sizeof from_environment);
    PROPERTY(load(NULL, &from_environment, error) == result);
    unsetenv(row->environment);
    if (result < 0) {
        check_error(error, row->environment, value);
        return;
    }
    PROPERTY(memcmp(&as_flag, &from_environment, sizeof as_flag) == 0);
    if (strcmp(row->type, "number") == 0)
        check_number(row, &as_flag);
    check_validated(&as_flag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char value[VALUE_MAX + 1] = "";

    if (row_count == 0)
        set_up();
    if (size == 0)
        return 0;
    memcpy(value, data + 1, size - 1 < VALUE_MAX ? size - 1 : VALUE_MAX);
    check(&rows[data[0] % row_count], value);
    return 0;
}
