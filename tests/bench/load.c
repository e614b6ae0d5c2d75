/* load: a load of HTTP requests on 127.0.0.1, open loop (a rate, whatever the answers) or closed
 * loop (clients that ask again when they have an answer). Prints what they saw as JSON. */
#include "clients.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MAX 100000.0
#define SECONDS_MAX 600.0

static const char usage[] =
    "usage: load --port N --path PATH --seconds S [--clients N] [OPTION]...\n"
    "  --rate R          open loop: R requests a second by at most --clients connections\n"
    "  --even            open loop: evenly spaced (default: Poisson)\n"
    "  --obey SHARE      of the clients, obey Retry-After (closed loop; default 0)\n"
    "  --pause-ms N      pause of the others after a refusal, jittered (default 0)\n"
    "  --leave SHARE     of the requests, their client closes the connection (default 0)\n"
    "  --leave-ms N      ... at a random moment up to this after it asked (default 100)\n"
    "  --warmup S        seconds at the begin that are counted but not timed (default 0)\n"
    "  --lanes N         replies that may come at the same time, for the rate (default 1)\n"
    "  --expect TEXT     must stand in the body of a 200 (default: anything)\n"
    "  --seed N          of the random numbers (default 1)\n";

enum name {
    PORT = 1,
    PATH,
    SECONDS,
    CLIENTS,
    RATE,
    EVEN,
    OBEY,
    PAUSE,
    LEAVE,
    LEAVE_MS,
    WARMUP,
    LANES,
    EXPECT,
    SEED
};

static const struct option names[] = {
    {"port", required_argument, NULL, PORT},
    {"path", required_argument, NULL, PATH},
    {"seconds", required_argument, NULL, SECONDS},
    {"clients", required_argument, NULL, CLIENTS},
    {"rate", required_argument, NULL, RATE},
    {"even", no_argument, NULL, EVEN},
    {"obey", required_argument, NULL, OBEY},
    {"pause-ms", required_argument, NULL, PAUSE},
    {"leave", required_argument, NULL, LEAVE},
    {"leave-ms", required_argument, NULL, LEAVE_MS},
    {"warmup", required_argument, NULL, WARMUP},
    {"lanes", required_argument, NULL, LANES},
    {"expect", required_argument, NULL, EXPECT},
    {"seed", required_argument, NULL, SEED},
    {NULL, 0, NULL, 0},
};

static unsigned whole(const char *text) {
    return (unsigned)strtoul(text, NULL, 10);
}

static void set(struct clients_options *options, int name, const char *value) {
    switch (name) {
    case PORT:
        options->port = whole(value);
        break;
    case PATH:
        options->path = value;
        break;
    case SECONDS:
        options->seconds = strtod(value, NULL);
        break;
    case CLIENTS:
        options->count = whole(value);
        break;
    case RATE:
        options->rate = strtod(value, NULL);
        break;
    case EVEN:
        options->even = true;
        break;
    case OBEY:
        options->obey_share = strtod(value, NULL);
        break;
    case PAUSE:
        options->pause_ms = whole(value);
        break;
    case LEAVE:
        options->leave_share = strtod(value, NULL);
        break;
    case LEAVE_MS:
        options->leave_ms = whole(value);
        break;
    case WARMUP:
        options->warmup_seconds = strtod(value, NULL);
        break;
    case LANES:
        options->lanes = whole(value);
        break;
    case EXPECT:
        options->expect = value;
        break;
    default:
        options->seed = strtoul(value, NULL, 10);
        break;
    }
}

/* Everything is bounded: the time, the rate and the number of connections. */
static bool is_usable(const struct clients_options *options) {
    return options->port > 0 && options->port < 65536 && options->path != NULL &&
           options->count > 0 && options->count <= CLIENTS_MAX && options->lanes > 0 &&
           options->seconds > 0 && options->seconds <= SECONDS_MAX && options->rate >= 0 &&
           options->rate <= RATE_MAX;
}

int main(int argc, char *argv[]) {
    struct clients_options options = {
        .count = 1, .lanes = 1, .leave_ms = 100, .expect = "", .seed = 1};
    struct record record = {0};
    int name;
    int result;

    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (name == '?') {
            fputs(usage, stderr);
            return 2;
        }
        set(&options, name, optarg);
    }
    if (optind != argc || !is_usable(&options)) {
        fputs(usage, stderr);
        return 2;
    }
    result = clients_run(&options, &record);
    if (result < 0) {
        fprintf(stderr, "load: %s\n", strerror(-result));
        return EXIT_FAILURE;
    }
    record_print(&record);
    return EXIT_SUCCESS;
}
