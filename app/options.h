/* options: one table defines every setting: its name (flag and environment variable), type,
 * default, unit, range and text. The help text, the manual, the sample environment file and
 * docs/configuration.md are checked against it. */
#ifndef BCRYPTD_OPTIONS_H
#define BCRYPTD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define OPTIONS_TEXT_SIZE 108 /* as long as a unix socket's path may be, NUL included */
#define OPTIONS_ERROR_SIZE 256
#define OPTIONS_LANES_MAX 8

/* Choices are stored as the index of the chosen word. */
enum options_log_format { OPTIONS_LOG_AUTO, OPTIONS_LOG_JSON, OPTIONS_LOG_JOURNALD };

enum options_engine { OPTIONS_ENGINE_LIBXCRYPT, OPTIONS_ENGINE_LANES };

struct options {
    unsigned cost;
    unsigned min_cost;
    unsigned max_cost;
    unsigned workers; /* after options_validate() never 0 */
    unsigned worker_nice;
    unsigned engine; /* enum options_engine */
    unsigned lanes;  /* 0: to be chosen; after options_validate() 1 for libxcrypt */
    unsigned cross_check_every;
    unsigned deadline_ms;
    unsigned queue_target_ms;
    unsigned queue_interval_ms;
    unsigned read_timeout_ms;
    unsigned worker_timeout_ms;
    unsigned stop_timeout_ms;
    unsigned max_requests;
    unsigned max_requests_jitter;
    unsigned restart_delay_ms;
    unsigned restart_delay_max_ms;
    unsigned restart_rate;
    unsigned pool_size;
    unsigned backlog;
    unsigned socket_mode;
    unsigned gethash;    /* 0 or 1 */
    unsigned log_level;  /* a syslog priority: 3 to 7 */
    unsigned log_format; /* enum options_log_format */
    char socket_dir[OPTIONS_TEXT_SIZE];
    char socket_group[OPTIONS_TEXT_SIZE];
    char user[OPTIONS_TEXT_SIZE];
};

enum options_action {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_TEST_CONFIG,
    OPTIONS_LIST,
    OPTIONS_PRINT_CAP,
    OPTIONS_BENCHMARK,
};

/* Fills ret from the defaults, then the environment (BCRYPTD_*), then the flags, each stronger
 * than the one before. argv[0] is the program's name. Returns 0, or -EINVAL with a text in
 * ret_error that names the setting, the value given and what is allowed. */
int options_load(int argc, char *const argv[], struct options *ret, enum options_action *ret_action,
                 char ret_error[static OPTIONS_ERROR_SIZE]);

/* Checks what one value alone cannot show (min-cost <= cost <= max-cost, path lengths) and
 * resolves workers = 0 to the number of CPUs this process may use, and lanes to 1 for an engine
 * that has no more. Returns as options_load(). */
int options_validate(struct options *options, char ret_error[static OPTIONS_ERROR_SIZE]);

/* The help text for people, on out. */
void options_print_help(FILE *out);

/* The table for programs: a line an option, tab separated: name, environment variable, type,
 * default, unit, minimum, maximum, text. */
void options_print_list(FILE *out);

/* Calls visit for every numeric setting, for the metrics. */
void options_each_number(const struct options *options,
                         void (*visit)(void *context, const char *name, const char *unit,
                                       unsigned value),
                         void *context);

/* How many requests nginx should let in at once: what the lanes compute (they are chosen by then),
 * plus half of that waiting (at least one). A longer queue only adds waiting. */
unsigned options_in_flight_cap(const struct options *options);

#endif
