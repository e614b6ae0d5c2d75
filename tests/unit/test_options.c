#include "support.h"

#include "options.h"

#include <ctype.h>
#include <syslog.h>

#define WORDS_MAX 12

static struct options loaded;
static enum options_action action;
static char error[OPTIONS_ERROR_SIZE];

/* Every test starts without settings in the environment. */
static int set_up(void **state) {
    (void)state;
    support_options();
    return 0;
}

/* Loads a command line given as words. Returns options_load()'s result. */
static int load(const char *first, ...) {
    static char copies[WORDS_MAX][512];
    char *argv[WORDS_MAX + 1] = {copies[0]};
    int argc = 1;
    va_list words;

    strcpy(copies[0], "bcryptd");
    va_start(words, first);
    for (const char *word = first; word != NULL; word = va_arg(words, const char *)) {
        assert_true(argc < WORDS_MAX && strlen(word) < sizeof copies[0]);
        strcpy(copies[argc], word);
        argv[argc] = copies[argc];
        argc++;
    }
    va_end(words);
    memset(error, 0, sizeof error);
    return options_load(argc, argv, &loaded, &action, error);
}

static void expect_error(const char *part) {
    if (strstr(error, part) == NULL)
        fail_msg("\"%s\" does not name \"%s\"", error, part);
}

/* A line of options_print_list(). */
struct row {
    char name[64];
    char environment[64];
    char type[16];
    char initial[128];
    char unit[32];
    char minimum[16];
    char maximum[64];
    char text[256];
};

static size_t read_rows(struct row *rows, size_t size) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    char *line;
    char *rest;
    size_t count = 0;

    options_print_list(out);
    fclose(out);
    rest = text;
    while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
        struct row *row = &rows[count++];
        const struct {
            char *field;
            size_t size;
        } fields[] = {
            {row->name, sizeof row->name},       {row->environment, sizeof row->environment},
            {row->type, sizeof row->type},       {row->initial, sizeof row->initial},
            {row->unit, sizeof row->unit},       {row->minimum, sizeof row->minimum},
            {row->maximum, sizeof row->maximum}, {row->text, sizeof row->text},
        };

        assert_true(count <= size);
        for (size_t i = 0; i < COUNT(fields); i++) {
            const char *field = strsep(&line, "\t");

            assert_non_null(field);
            assert_true(strlen(field) < fields[i].size);
            strcpy(fields[i].field, field);
        }
        assert_null(line);
    }
    free(text);
    return count;
}

struct search {
    const char *name;
    unsigned value;
    bool found;
};

static void match(void *context, const char *name, const char *unit, unsigned value) {
    struct search *search = context;

    (void)unit;
    if (strcmp(name, search->name) == 0) {
        search->value = value;
        search->found = true;
    }
}

/* The loaded value of a numeric option. */
static unsigned number_of(const char *name) {
    struct search search = {.name = name};

    options_each_number(&loaded, match, &search);
    assert_true(search.found);
    return search.value;
}

static void test_defaults_are_those_of_the_documents(void **state) {
    static const struct {
        const char *name;
        unsigned value;
    } numbers[] = {
        {"cost", 12},
        {"min-cost", 10},
        {"max-cost", 15},
        {"workers", 0},
        {"worker-nice", 5},
        {"lanes", 0},
        {"cross-check-every", 1000},
        {"deadline-ms", 1000},
        {"queue-target-ms", 5},
        {"queue-interval-ms", 100},
        {"read-timeout-ms", 1000},
        {"worker-timeout-ms", 10000},
        {"stop-timeout-ms", 10000},
        {"max-requests", 0},
        {"max-requests-jitter", 20},
        {"restart-delay-ms", 2000},
        {"restart-delay-max-ms", 60000},
        {"restart-rate", 20},
        {"pool-size", 2},
        {"backlog", 128},
    };

    (void)state;
    assert_int_equal(load(NULL), 0);
    assert_int_equal(action, OPTIONS_RUN);
    for (size_t i = 0; i < COUNT(numbers); i++)
        assert_int_equal(number_of(numbers[i].name), numbers[i].value);
    assert_int_equal(loaded.engine, OPTIONS_ENGINE_LIBXCRYPT);
    assert_int_equal(loaded.gethash, 1);
    assert_int_equal(loaded.socket_mode, 0660);
    assert_int_equal(loaded.log_level, LOG_INFO);
    assert_int_equal(loaded.log_format, OPTIONS_LOG_AUTO);
    assert_string_equal(loaded.socket_dir, "/run/bcryptd");
    assert_string_equal(loaded.socket_group, "");
    assert_string_equal(loaded.user, "");
    assert_int_equal(options_validate(&loaded, error), 0);
}

static void test_flag_beats_environment_beats_default(void **state) {
    (void)state;
    setenv("BCRYPTD_COST", "11", 1);
    setenv("BCRYPTD_MIN_COST", "9", 1);
    setenv("BCRYPTD_SOCKET_DIR", "/from/environment", 1);
    assert_int_equal(load("--cost", "13", NULL), 0);
    assert_int_equal(loaded.cost, 13);
    assert_int_equal(loaded.min_cost, 9);
    assert_int_equal(loaded.max_cost, 15);
    assert_string_equal(loaded.socket_dir, "/from/environment");
    assert_int_equal(load("--socket-dir=/from/flag", NULL), 0);
    assert_int_equal(loaded.cost, 11);
    assert_string_equal(loaded.socket_dir, "/from/flag");
}

static void test_both_forms_of_a_flag_and_the_last_one_counts(void **state) {
    (void)state;
    assert_int_equal(load("--cost=11", NULL), 0);
    assert_int_equal(loaded.cost, 11);
    assert_int_equal(load("--cost", "11", "--cost=13", "--workers", "3", NULL), 0);
    assert_int_equal(loaded.cost, 13);
    assert_int_equal(loaded.workers, 3);
    assert_int_equal(load("--socket-dir=/a=b", NULL), 0);
    assert_string_equal(loaded.socket_dir, "/a=b");
    assert_int_equal(load("--user=", NULL), 0);
    assert_string_equal(loaded.user, "");
}

static void test_every_number_has_its_range(void **state) {
    static struct row rows[64];
    const size_t count = read_rows(rows, COUNT(rows));
    size_t numbers = 0;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const unsigned long minimum = strtoul(rows[i].minimum, NULL, 10);
        const unsigned long maximum = strtoul(rows[i].maximum, NULL, 10);
        char flag[80];
        char value[32];
        char range[128];

        if (strcmp(rows[i].type, "number") != 0)
            continue;
        numbers++;
        snprintf(flag, sizeof flag, "--%s", rows[i].name);
        snprintf(range, sizeof range, "from %lu to %lu", minimum, maximum);
        assert_int_equal(load(flag, rows[i].minimum, NULL), 0);
        assert_int_equal(number_of(rows[i].name), minimum);
        assert_int_equal(load(flag, rows[i].maximum, NULL), 0);
        assert_int_equal(number_of(rows[i].name), maximum);

        snprintf(value, sizeof value, "%lu", maximum + 1);
        assert_true(load(flag, value, NULL) < 0);
        expect_error(flag);
        expect_error(value);
        expect_error(range);
        if (minimum == 0)
            continue;
        snprintf(value, sizeof value, "%lu", minimum - 1);
        setenv(rows[i].environment, value, 1);
        assert_true(load(NULL) < 0);
        expect_error(rows[i].environment);
        expect_error(value);
        expect_error(range);
        unsetenv(rows[i].environment);
    }
    assert_true(numbers >= 20);
}

static void test_auto_leaves_a_number_to_the_program(void **state) {
    (void)state;
    assert_int_equal(load("--lanes", "3", "--workers=5", NULL), 0);
    assert_int_equal(loaded.lanes, 3);
    assert_int_equal(load("--lanes", "3", "--lanes=auto", "--workers", "auto", NULL), 0);
    assert_int_equal(loaded.lanes, 0);
    assert_int_equal(loaded.workers, 0);
    assert_true(load("--lanes=0", NULL) < 0);
    expect_error("auto or a whole number from 1 to 8 (hashes)");
    assert_true(load("--cost=auto", NULL) < 0);
}

static void test_engine_is_one_of_two(void **state) {
    (void)state;
    assert_int_equal(load("--engine=lanes", NULL), 0);
    assert_int_equal(loaded.engine, OPTIONS_ENGINE_LANES);
    assert_int_equal(load("--engine=libxcrypt", NULL), 0);
    assert_int_equal(loaded.engine, OPTIONS_ENGINE_LIBXCRYPT);
    assert_true(load("--engine=Lanes", NULL) < 0);
    expect_error("libxcrypt, lanes");
}

static void test_what_is_no_whole_number_is_refused(void **state) {
    static const char *const values[] = {
        "",
        " ",
        "x",
        "12x",
        "x12",
        " 12",
        "12 ",
        "+12",
        "-12",
        "1e1",
        "12.0",
        "0x0c",
        "1 2",
        "12,0",
        "4294967308",
        "18446744073709551628",
        "99999999999999999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        memset(&loaded, 0x55, sizeof loaded);
        assert_true(load("--cost", values[i], NULL) < 0);
        expect_error("--cost");
        expect_error(values[i]);
        assert_int_equal(loaded.cost, 0x55555555); /* nothing was handed out */
    }
}

static void test_mode_is_octal(void **state) {
    static const char *const broken[] = {"8", "0680", "1000", "0o660", "rw", "", "-1"};

    (void)state;
    assert_int_equal(load("--socket-mode", "0600", NULL), 0);
    assert_int_equal(loaded.socket_mode, 0600);
    assert_int_equal(load("--socket-mode", "777", NULL), 0);
    assert_int_equal(loaded.socket_mode, 0777);
    for (size_t i = 0; i < COUNT(broken); i++) {
        assert_true(load("--socket-mode", broken[i], NULL) < 0);
        expect_error("--socket-mode");
        expect_error("0777");
    }
}

static void test_words_are_taken_exactly(void **state) {
    static const struct {
        const char *flag;
        const char *value;
        const char *allowed;
    } broken[] = {
        {"--gethash", "yes", "off, on"},
        {"--gethash", "ON", "off, on"},
        {"--gethash", "1", "off, on"},
        {"--gethash", "", "off, on"},
        {"--log-level", "warn", "error, warning, notice, info, debug"},
        {"--log-level", "info ", "error, warning, notice, info, debug"},
        {"--log-format", "text", "auto, json, journald"},
    };
    static const struct {
        const char *word;
        unsigned level;
    } levels[] = {{"error", LOG_ERR},
                  {"warning", LOG_WARNING},
                  {"notice", LOG_NOTICE},
                  {"info", LOG_INFO},
                  {"debug", LOG_DEBUG}};

    (void)state;
    for (size_t i = 0; i < COUNT(levels); i++) {
        assert_int_equal(load("--log-level", levels[i].word, NULL), 0);
        assert_int_equal(loaded.log_level, levels[i].level);
    }
    assert_int_equal(load("--gethash", "off", "--log-format", "journald", NULL), 0);
    assert_int_equal(loaded.gethash, 0);
    assert_int_equal(loaded.log_format, OPTIONS_LOG_JOURNALD);
    for (size_t i = 0; i < COUNT(broken); i++) {
        assert_true(load(broken[i].flag, broken[i].value, NULL) < 0);
        expect_error(broken[i].flag);
        expect_error(broken[i].value);
        expect_error(broken[i].allowed);
    }
}

static void test_texts_have_a_longest_length(void **state) {
    char text[OPTIONS_TEXT_SIZE + 1] = "";

    (void)state;
    memset(text, 'u', OPTIONS_TEXT_SIZE - 1);
    assert_int_equal(load("--user", text, NULL), 0);
    assert_string_equal(loaded.user, text);
    text[OPTIONS_TEXT_SIZE - 1] = 'u';
    assert_true(load("--user", text, NULL) < 0);
    expect_error("--user");
    expect_error("at most 107");
}

static void test_error_text_is_bounded(void **state) {
    char value[500];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    assert_true(load("--max-requests-jitter", value, NULL) < 0);
    assert_true(strlen(error) < OPTIONS_ERROR_SIZE);
    expect_error("vvvv");
    expect_error("from 0 to 100");
    memcpy(value, "--", 2);
    assert_true(load(value, NULL) < 0);
    assert_true(strlen(error) < OPTIONS_ERROR_SIZE);
}

static void test_unknown_arguments_are_named(void **state) {
    static const char *const words[] = {
        "--costs", "--cos",  "-cost",      "cost",     "xxcost", "--",    "-",
        "",        "--Cost", "--min_cost", "--help=1", "-h",     "serve",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        assert_true(load(words[i], "12", NULL) < 0);
        expect_error(words[i]);
        expect_error("unknown argument");
    }
}

static void test_flag_without_value_is_named(void **state) {
    (void)state;
    assert_true(load("--cost", NULL) < 0);
    expect_error("--cost needs a value");
    assert_true(load("--workers", "2", "--user", NULL) < 0);
    expect_error("--user needs a value");
}

static void test_actions(void **state) {
    static const struct {
        const char *flag;
        enum options_action action;
    } rows[] = {
        {"--help", OPTIONS_HELP},
        {"--version", OPTIONS_VERSION},
        {"--test-config", OPTIONS_TEST_CONFIG},
        {"--list-options", OPTIONS_LIST},
        {"--print-cap", OPTIONS_PRINT_CAP},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(load("--cost", "11", rows[i].flag, "--workers=2", NULL), 0);
        assert_int_equal(action, rows[i].action);
        assert_int_equal(loaded.cost, 11);
        assert_int_equal(loaded.workers, 2);
    }
    /* A check of the settings must not pass over a broken one. */
    assert_true(load("--test-config", "--cost", "x", NULL) < 0);
}

static void test_table_is_whole_and_its_defaults_are_usable(void **state) {
    static struct row rows[64];
    const size_t count = read_rows(rows, COUNT(rows));

    (void)state;
    assert_true(count >= 25);
    for (size_t i = 0; i < count; i++) {
        char flag[256];

        assert_memory_equal(rows[i].environment, "BCRYPTD_", 8);
        assert_int_equal(strlen(rows[i].environment), 8 + strlen(rows[i].name));
        for (size_t j = 0; rows[i].name[j] != '\0'; j++) {
            const char wanted =
                rows[i].name[j] == '-' ? '_' : (char)toupper((unsigned char)rows[i].name[j]);

            assert_int_equal(rows[i].environment[8 + j], wanted);
        }
        assert_true(strlen(rows[i].text) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(rows[i].name, rows[j].name);
        snprintf(flag, sizeof flag, "--%s=%s", rows[i].name, rows[i].initial);
        assert_int_equal(load(flag, NULL), 0);
        setenv(rows[i].environment, rows[i].initial, 1);
        assert_int_equal(load(NULL), 0);
        unsetenv(rows[i].environment);
    }
}

static void test_help_names_every_option_and_action(void **state) {
    static const char *const actions[] = {"--help", "--version", "--test-config", "--list-options",
                                          "--print-cap"};
    static struct row rows[64];
    const size_t count = read_rows(rows, COUNT(rows));
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    (void)state;
    options_print_help(out);
    fclose(out);
    for (size_t i = 0; i < count; i++) {
        char flag[80];

        snprintf(flag, sizeof flag, "--%.60s ", rows[i].name);
        assert_non_null(strstr(text, flag));
        assert_non_null(strstr(text, rows[i].text));
    }
    for (size_t i = 0; i < COUNT(actions); i++)
        assert_non_null(strstr(text, actions[i]));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults_are_those_of_the_documents, set_up),
        cmocka_unit_test_setup(test_flag_beats_environment_beats_default, set_up),
        cmocka_unit_test_setup(test_both_forms_of_a_flag_and_the_last_one_counts, set_up),
        cmocka_unit_test_setup(test_every_number_has_its_range, set_up),
        cmocka_unit_test_setup(test_auto_leaves_a_number_to_the_program, set_up),
        cmocka_unit_test_setup(test_engine_is_one_of_two, set_up),
        cmocka_unit_test_setup(test_what_is_no_whole_number_is_refused, set_up),
        cmocka_unit_test_setup(test_mode_is_octal, set_up),
        cmocka_unit_test_setup(test_words_are_taken_exactly, set_up),
        cmocka_unit_test_setup(test_texts_have_a_longest_length, set_up),
        cmocka_unit_test_setup(test_error_text_is_bounded, set_up),
        cmocka_unit_test_setup(test_unknown_arguments_are_named, set_up),
        cmocka_unit_test_setup(test_flag_without_value_is_named, set_up),
        cmocka_unit_test_setup(test_actions, set_up),
        cmocka_unit_test_setup(test_table_is_whole_and_its_defaults_are_usable, set_up),
        cmocka_unit_test_setup(test_help_names_every_option_and_action, set_up),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
