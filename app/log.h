/* log: structured log lines: journald fields under systemd, JSON lines on stderr otherwise, named
 * as docs/logging.md says. No caller may pass a password, a request's path or its body. */
#ifndef BCRYPTD_LOG_H
#define BCRYPTD_LOG_H

#include "options.h"

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* One named value of a line; text NULL means that number counts. */
struct log_field {
    const char *name; /* lower case, digits and '_'; "bcryptd." comes before it in the line */
    const char *text;
    int64_t number;
};

#define LOG_TEXT(name, text)                                                                       \
    { name, text, 0 }
#define LOG_NUMBER(name, number)                                                                   \
    { name, NULL, (int64_t)(number) }
/* The fields of a line; ends with an entry without a name. */
#define LOG_FIELDS(...)                                                                            \
    (const struct log_field[]) {                                                                   \
        __VA_ARGS__, {                                                                             \
            NULL, NULL, 0                                                                          \
        }                                                                                          \
    }
#define LOG_NO_FIELDS ((const struct log_field[]){{NULL, NULL, 0}})

/* Lets through one line a second of its kind; zero-initialised. */
struct log_limit {
    uint64_t next_ns;
    uint64_t suppressed;
};

/* Chooses the format and opens the journal's socket when that is the target, so that a later
 * sandbox need not allow it. level is a syslog priority. */
void log_init(enum options_log_format format, int level);

/* Names this process in its lines: role "master", "status" or "worker", and its number. */
void log_set_role(const char *role, unsigned number);

/* Writes a line. event is a short fixed identifier for machines, message a sentence for people. */
void log_event(int priority, const char *event, const char *message,
               const struct log_field *fields);

/* True when a line of this kind may be written now; *ret_suppressed is then how many were not
 * written since the last one. */
bool log_allow(struct log_limit *limit, uint64_t now_ns, uint64_t *ret_suppressed);

#endif
