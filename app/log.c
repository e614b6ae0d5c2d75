#include "log.h"

#include "clock.h"
#include "version.h"

#include <ctype.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#define MAX_FIELDS 12
#define FIXED_FIELDS 6
#define JOURNAL_ENTRY_SIZE 320
#define FIELD_NAME_SIZE 64

static struct {
    bool journald;
    int level;
    const char *role;
    unsigned number;
} logger = {false, LOG_INFO, "master", 0};

/* systemd tells in JOURNAL_STREAM which device and inode its journal's stream has. */
static bool stderr_is_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    char *rest = NULL;
    uintmax_t device;
    uintmax_t inode;
    struct stat status;

    if (stream == NULL)
        return false;
    device = strtoumax(stream, &rest, 10);
    if (*rest != ':')
        return false;
    inode = strtoumax(rest + 1, NULL, 10);
    return fstat(STDERR_FILENO, &status) == 0 && status.st_dev == (dev_t)device &&
           status.st_ino == (ino_t)inode;
}

void log_set_role(const char *role, unsigned number) {
    logger.role = role;
    logger.number = number;
}

/* Short name and number of OpenTelemetry's log data model. What is critical here means that a
 * process or its engine is given up. */
static const struct severity {
    const char *text;
    int number;
} severities[] = {
    [LOG_EMERG] = {"FATAL", 21}, [LOG_ALERT] = {"FATAL", 21},  [LOG_CRIT] = {"FATAL", 21},
    [LOG_ERR] = {"ERROR", 17},   [LOG_WARNING] = {"WARN", 13}, [LOG_NOTICE] = {"INFO", 10},
    [LOG_INFO] = {"INFO", 9},    [LOG_DEBUG] = {"DEBUG", 5},
};

/* A line is lost rather than waited for: who reads the log may have stopped. (A pipe that can be
 * written has room for a line, which is shorter than PIPE_BUF.) */
static bool has_room(int fd) {
    struct pollfd entry = {.fd = fd, .events = POLLOUT};

    return poll(&entry, 1, 0) > 0;
}

static void add_text(struct json_object *line, const char *name, const char *text) {
    json_object_object_add(line, name, json_object_new_string(text));
}

static void add_number(struct json_object *line, const char *name, int64_t number) {
    json_object_object_add(line, name, json_object_new_int64(number));
}

/* What each line has, in the order and by the names of docs/logging.md. */
static void add_fixed(struct json_object *line, int priority, const char *event,
                      const char *message) {
    const struct severity *severity = &severities[priority & LOG_PRIMASK];
    char time[CLOCK_RFC3339_SIZE];

    clock_format_now(time);
    add_text(line, "timestamp", time);
    add_text(line, "severity_text", severity->text);
    add_number(line, "severity_number", severity->number);
    add_text(line, "event.name", event);
    add_text(line, "body", message);
    add_text(line, "service.name", "bcryptd");
    add_text(line, "service.version", BCRYPTD_VERSION);
    add_number(line, "process.pid", getpid());
    add_text(line, "bcryptd.role", logger.role);
    add_number(line, "bcryptd.number", logger.number);
}

static void add_field(struct json_object *line, const struct log_field *field) {
    char name[FIELD_NAME_SIZE];

    snprintf(name, sizeof name, "bcryptd.%s", field->name);
    if (field->text != NULL)
        add_text(line, name, field->text);
    else
        add_number(line, name, field->number);
}

/* One call, so that lines of several processes do not mix. */
static void write_line(struct json_object *line) {
    char newline[] = "\n";
    struct iovec parts[2];
    size_t length = 0;

    parts[0].iov_base = (void *)json_object_to_json_string_length(
        line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
    parts[0].iov_len = length;
    parts[1].iov_base = newline;
    parts[1].iov_len = 1;
    if (parts[0].iov_base != NULL && has_room(STDERR_FILENO) &&
        writev(STDERR_FILENO, parts, 2) < 0) {
        /* There is nowhere left to say it. */
    }
}

static void write_json(int priority, const char *event, const char *message,
                       const struct log_field *fields) {
    struct json_object *line = json_object_new_object();

    if (line == NULL)
        return;
    add_fixed(line, priority, event, message);
    for (const struct log_field *field = fields; field->name != NULL; field++)
        add_field(line, field);
    write_line(line);
    json_object_put(line);
}

static void journal_entry(struct iovec *part, char *text, const char *name, const char *value) {
    int length = snprintf(text, JOURNAL_ENTRY_SIZE, "%s=%s", name, value);

    part->iov_base = text;
    part->iov_len = (size_t)(length < JOURNAL_ENTRY_SIZE ? length : JOURNAL_ENTRY_SIZE - 1);
}

/* "request_id" becomes "BCRYPTD_REQUEST_ID", as the journal wants its names. */
static void journal_name(const char *name, char *ret_name, size_t size) {
    int length = snprintf(ret_name, size, "BCRYPTD_%s", name);

    for (int i = 0; i < length && (size_t)i < size; i++)
        ret_name[i] = (char)toupper((unsigned char)ret_name[i]);
}

static void write_journal(int priority, const char *event, const char *message,
                          const struct log_field *fields) {
    char texts[FIXED_FIELDS + MAX_FIELDS][JOURNAL_ENTRY_SIZE];
    struct iovec parts[FIXED_FIELDS + MAX_FIELDS];
    char value[24];
    int count = 0;

    snprintf(value, sizeof value, "%d", priority);
    journal_entry(&parts[count], texts[count], "PRIORITY", value), count++;
    journal_entry(&parts[count], texts[count], "MESSAGE", message), count++;
    journal_entry(&parts[count], texts[count], "SYSLOG_IDENTIFIER", "bcryptd"), count++;
    journal_entry(&parts[count], texts[count], "BCRYPTD_EVENT", event), count++;
    journal_entry(&parts[count], texts[count], "BCRYPTD_ROLE", logger.role), count++;
    snprintf(value, sizeof value, "%u", logger.number);
    journal_entry(&parts[count], texts[count], "BCRYPTD_NUMBER", value), count++;
    for (const struct log_field *field = fields;
         field->name != NULL && count < FIXED_FIELDS + MAX_FIELDS; field++, count++) {
        char name[FIELD_NAME_SIZE];

        journal_name(field->name, name, sizeof name);
        snprintf(value, sizeof value, "%" PRId64, field->number);
        journal_entry(&parts[count], texts[count], name, field->text != NULL ? field->text : value);
    }
    sd_journal_sendv(parts, count);
}

void log_init(enum options_log_format format, int level) {
    /* The C library reads the time zone's file once, now, and not in a sandbox later. */
    tzset();
    logger.level = level;
    logger.journald =
        format == OPTIONS_LOG_JOURNALD || (format == OPTIONS_LOG_AUTO && stderr_is_journal());
    /* The first line opens the journal's socket, which the workers' sandbox forbids later. */
    if (logger.journald)
        write_journal(LOG_INFO, "log_open", "bcryptd " BCRYPTD_VERSION " logs to the journal",
                      LOG_NO_FIELDS);
}

void log_event(int priority, const char *event, const char *message,
               const struct log_field *fields) {
    if (priority > logger.level)
        return;
    if (logger.journald)
        write_journal(priority, event, message, fields);
    else
        write_json(priority, event, message, fields);
}

bool log_allow(struct log_limit *limit, uint64_t now_ns, uint64_t *ret_suppressed) {
    if (now_ns < limit->next_ns) {
        limit->suppressed++;
        return false;
    }
    limit->next_ns = now_ns + CLOCK_NS_PER_S;
    *ret_suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}
