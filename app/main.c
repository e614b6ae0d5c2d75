/* bcryptd: bcrypt hashing over FastCGI, for nginx. */
#include "benchmark.h"
#include "calibrate.h"
#include "clock.h"
#include "listener.h"
#include "log.h"
#include "master.h"
#include "options.h"
#include "sandbox.h"
#include "scoreboard.h"
#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complain(const char *text) {
    fprintf(stderr, "bcryptd: %s\n", text);
    return EXIT_FAILURE;
}

/* Logs that the start failed at a step; the log tells where and why. */
static int give_up(const char *step, const char *error) {
    log_event(LOG_CRIT, "start_failed", "bcryptd could not start",
              LOG_FIELDS(LOG_TEXT("step", step), LOG_TEXT("error", error)));
    return EXIT_FAILURE;
}

/* Fixes the number of lanes when that is left to the program. */
static void choose_lanes(struct options *options) {
    const uint64_t begin_ns = clock_monotonic_ns();
    int result;

    if (options->lanes != 0)
        return;
    result = calibrate_lanes(&options->lanes);
    log_event(result < 0 ? LOG_WARNING : LOG_NOTICE, "lanes_chosen",
              result < 0 ? "the number of lanes could not be measured, a usual one is taken"
                         : "the number of lanes was chosen by measuring",
              LOG_FIELDS(LOG_NUMBER("lanes", options->lanes),
                         LOG_NUMBER("took_us", (clock_monotonic_ns() - begin_ns) / 1000),
                         LOG_TEXT("error", result < 0 ? strerror(-result) : "")));
}

/* nginx may send more than the sockets hold while all lanes are busy. */
static void check_backlog(const struct options *options) {
    const unsigned cap = options_in_flight_cap(options);
    const unsigned share = (cap + options->pool_size - 1) / options->pool_size;

    if (share >= options->backlog)
        log_event(LOG_WARNING, "backlog_short",
                  "the backlog of a socket is below its share of nginx's in-flight cap",
                  LOG_FIELDS(LOG_NUMBER("backlog", options->backlog), LOG_NUMBER("share", share)));
}

static int serve(struct options *options) {
    struct scoreboard *scoreboard = NULL;
    struct listener listener;
    char error[OPTIONS_ERROR_SIZE];
    int status = EXIT_FAILURE;
    int result;

    log_init((enum options_log_format)options->log_format, (int)options->log_level);
    if (listener_open(options, &listener, error) < 0)
        return give_up("sockets", error);
    result = sandbox_become(options->user);
    if (result < 0) {
        give_up("user", strerror(-result));
        goto close;
    }
    result = sandbox_harden();
    if (result < 0) {
        give_up("hardening", strerror(-result));
        goto close;
    }
    choose_lanes(options);
    check_backlog(options);
    result = scoreboard_create(options->workers, &scoreboard);
    if (result < 0) {
        give_up("scoreboard", strerror(-result));
        goto close;
    }
    result = master_run(options, &listener, scoreboard);
    if (result < 0)
        give_up("master", strerror(-result));
    else
        status = EXIT_SUCCESS;
    scoreboard_free(&scoreboard);
close:
    listener_unlink(&listener);
    listener_close(&listener);
    return status;
}

static int print_cap(struct options *options) {
    const int result = options->lanes == 0 ? calibrate_lanes(&options->lanes) : 0;

    if (result < 0)
        return complain(strerror(-result));
    printf("%u\n", options_in_flight_cap(options));
    return EXIT_SUCCESS;
}

static int benchmark(const struct options *options) {
    const int result = benchmark_run(options, stdout);

    return result < 0 ? complain(strerror(-result)) : EXIT_SUCCESS;
}

static int act(struct options *options, enum options_action action) {
    switch (action) {
    case OPTIONS_TEST_CONFIG:
        puts("configuration ok");
        return EXIT_SUCCESS;
    case OPTIONS_PRINT_CAP:
        return print_cap(options);
    case OPTIONS_BENCHMARK:
        return benchmark(options);
    default:
        return serve(options);
    }
}

int main(int argc, char *argv[]) {
    struct options options;
    enum options_action action;
    char error[OPTIONS_ERROR_SIZE];

    if (options_load(argc, argv, &options, &action, error) < 0)
        return complain(error);
    switch (action) {
    case OPTIONS_HELP:
        options_print_help(stdout);
        return EXIT_SUCCESS;
    case OPTIONS_VERSION:
        puts("bcryptd " BCRYPTD_VERSION);
        return EXIT_SUCCESS;
    case OPTIONS_LIST:
        options_print_list(stdout);
        return EXIT_SUCCESS;
    default:
        break;
    }
    if (options_validate(&options, error) < 0)
        return complain(error);
    return act(&options, action);
}
