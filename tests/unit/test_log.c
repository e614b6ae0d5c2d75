#include "support.h"

#include "clock.h"
#include "log.h"
#include "version.h"

#include <json-c/json.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *text_of(struct json_object *line, const char *name) {
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(line, name, &value))
        fail_msg("the line has no \"%s\"", name);
    return json_object_get_string(value);
}

/* Parses what was captured: exactly one line, one JSON object. */
static struct json_object *one_line(void) {
    char *text = support_release();
    struct json_object *line;

    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    line = json_tokener_parse(text);
    assert_true(json_object_is_type(line, json_type_object));
    free(text);
    return line;
}

static int use_json(void **state) {
    (void)state;
    unsetenv("JOURNAL_STREAM");
    log_init(OPTIONS_LOG_JSON, LOG_INFO);
    log_set_role("worker", 3);
    return 0;
}

static void test_line_has_its_fixed_and_its_own_fields(void **state) {
    struct json_object *line;
    char pid[16];

    (void)state;
    support_capture();
    log_event(LOG_WARNING, "shed", "request shed",
              LOG_FIELDS(LOG_TEXT("route", "hash"), LOG_NUMBER("wait_ms", -5),
                         LOG_NUMBER("large", INT64_MAX)));
    line = one_line();
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    assert_int_equal(strlen(text_of(line, "timestamp")), strlen("2024-01-31T23:59:59.123Z"));
    assert_string_equal(text_of(line, "severity_text"), "WARN");
    assert_string_equal(text_of(line, "severity_number"), "13");
    assert_string_equal(text_of(line, "event.name"), "shed");
    assert_string_equal(text_of(line, "body"), "request shed");
    assert_string_equal(text_of(line, "service.name"), "bcryptd");
    assert_string_equal(text_of(line, "service.version"), BCRYPTD_VERSION);
    assert_string_equal(text_of(line, "process.pid"), pid);
    assert_string_equal(text_of(line, "bcryptd.role"), "worker");
    assert_string_equal(text_of(line, "bcryptd.number"), "3");
    assert_string_equal(text_of(line, "bcryptd.route"), "hash");
    assert_string_equal(text_of(line, "bcryptd.wait_ms"), "-5");
    assert_string_equal(text_of(line, "bcryptd.large"), "9223372036854775807");
    assert_int_equal(json_object_object_length(line), 13);
    json_object_put(line);
}

/* Else a text could forge a line of its own. */
static void test_text_stays_within_its_line(void **state) {
    static const char text[] = "a\n{\"event.name\":\"forged\"}\r\t\"\\\x01\x1b[0m";
    struct json_object *line;

    (void)state;
    support_capture();
    log_event(LOG_INFO, "event", text, LOG_FIELDS(LOG_TEXT("error", text)));
    line = one_line();
    assert_string_equal(text_of(line, "body"), text);
    assert_string_equal(text_of(line, "bcryptd.error"), text);
    json_object_put(line);
}

static void test_level_filters(void **state) {
    static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG};

    (void)state;
    for (size_t i = 0; i < COUNT(levels); i++) {
        log_init(OPTIONS_LOG_JSON, levels[i]);
        for (int priority = LOG_EMERG; priority <= LOG_DEBUG; priority++) {
            char *text;

            support_capture();
            log_event(priority, "event", "message", LOG_NO_FIELDS);
            text = support_release();
            assert_int_equal(text[0] != '\0', priority <= levels[i]);
            free(text);
        }
    }
}

static void test_every_priority_has_its_severity(void **state) {
    static const struct {
        const char *text;
        int number;
    } rows[] = {{"FATAL", 21}, {"FATAL", 21}, {"FATAL", 21}, {"ERROR", 17},
                {"WARN", 13},  {"INFO", 10},  {"INFO", 9},   {"DEBUG", 5}};

    (void)state;
    log_init(OPTIONS_LOG_JSON, LOG_DEBUG);
    for (int priority = LOG_EMERG; priority <= LOG_DEBUG; priority++) {
        struct json_object *line;

        support_capture();
        log_event(priority, "event", "message", LOG_NO_FIELDS);
        line = one_line();
        assert_string_equal(text_of(line, "severity_text"), rows[priority].text);
        assert_int_equal(atoi(text_of(line, "severity_number")), rows[priority].number);
        json_object_put(line);
    }
}

/* Under systemd JOURNAL_STREAM names stderr when that is the journal's. */
static void test_auto_is_journald_only_when_stderr_is_the_journal(void **state) {
    static const struct {
        int device_offset;
        int inode_offset;
        bool json;
    } rows[] = {{0, 0, false}, {1, 0, true}, {0, 1, true}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stat status;
        char stream[64];
        char *text;

        support_capture();
        assert_int_equal(fstat(STDERR_FILENO, &status), 0);
        snprintf(stream, sizeof stream, "%ju:%ju",
                 (uintmax_t)status.st_dev + (uintmax_t)rows[i].device_offset,
                 (uintmax_t)status.st_ino + (uintmax_t)rows[i].inode_offset);
        setenv("JOURNAL_STREAM", stream, 1);
        log_init(OPTIONS_LOG_AUTO, LOG_INFO);
        log_event(LOG_INFO, "unit_test", "written by a unit test", LOG_NO_FIELDS);
        text = support_release();
        assert_int_equal(text[0] == '{', rows[i].json);
        free(text);
    }
    unsetenv("JOURNAL_STREAM");
}

static void test_broken_journal_stream_means_json(void **state) {
    static const char *const streams[] = {"", "x", "1", "1:", ":1", "-:-"};

    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        struct json_object *line;

        setenv("JOURNAL_STREAM", streams[i], 1);
        log_init(OPTIONS_LOG_AUTO, LOG_INFO);
        support_capture();
        log_event(LOG_INFO, "event", "message", LOG_NO_FIELDS);
        line = one_line();
        json_object_put(line);
    }
    unsetenv("JOURNAL_STREAM");
}

static void test_one_line_a_second_with_the_number_of_those_left_out(void **state) {
    const uint64_t start = 5 * CLOCK_NS_PER_S;
    struct log_limit limit = {0};
    uint64_t suppressed = 99;

    (void)state;
    assert_true(log_allow(&limit, start, &suppressed));
    assert_int_equal(suppressed, 0);
    suppressed = 99;
    assert_false(log_allow(&limit, start, &suppressed));
    assert_false(log_allow(&limit, start + 1, &suppressed));
    assert_false(log_allow(&limit, start + CLOCK_NS_PER_S - 1, &suppressed));
    assert_int_equal(suppressed, 99);
    assert_true(log_allow(&limit, start + CLOCK_NS_PER_S, &suppressed));
    assert_int_equal(suppressed, 3);
    assert_false(log_allow(&limit, start + CLOCK_NS_PER_S, &suppressed));
    assert_true(log_allow(&limit, start + 60 * CLOCK_NS_PER_S, &suppressed));
    assert_int_equal(suppressed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_line_has_its_fixed_and_its_own_fields, use_json),
        cmocka_unit_test_setup(test_text_stays_within_its_line, use_json),
        cmocka_unit_test_setup(test_level_filters, use_json),
        cmocka_unit_test_setup(test_every_priority_has_its_severity, use_json),
        cmocka_unit_test_setup(test_auto_is_journald_only_when_stderr_is_the_journal, use_json),
        cmocka_unit_test_setup(test_broken_journal_stream_means_json, use_json),
        cmocka_unit_test(test_one_line_a_second_with_the_number_of_those_left_out),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
