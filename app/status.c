#include "status.h"

#include "child.h"
#include "clock.h"
#include "fcgi.h"
#include "log.h"
#include "metrics.h"
#include "netqueue.h"
#include "page.h"
#include "route.h"
#include "version.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct status {
    const struct options *options;
    const struct listener *listener;
    struct scoreboard *scoreboard;
    struct scoreboard_slot *slot;
    int netlink; /* -1: the kernel cannot be asked */
};

static int reply(struct fcgi_connection *connection, unsigned code, const char *type,
                 const char *body, size_t length) {
    char head[192];

    snprintf(head, sizeof head, "Status: %u\r\nContent-Type: %s\r\nCache-Control: no-store\r\n%s",
             code, type, code == 405 ? "Allow: GET, HEAD\r\n" : "");
    return fcgi_reply(connection, head, body, length);
}

static int reply_json(struct fcgi_connection *connection, unsigned code,
                      struct json_object *object) {
    size_t length = 0;
    const char *text = json_object_to_json_string_length(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
    const int result =
        text != NULL ? reply(connection, code, "application/json", text, length) : -ENOMEM;

    json_object_put(object);
    return result;
}

static int reply_state(struct fcgi_connection *connection, unsigned code, const char *state) {
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "status", json_object_new_string(state));
    return reply_json(connection, code, object);
}

/* A worker is up only after it has computed its known answers. */
static int answer_readyz(const struct status *status, struct fcgi_connection *connection) {
    if (atomic_load_explicit(&status->scoreboard->master->draining, memory_order_relaxed) != 0)
        return reply_state(connection, 503, "draining");
    if (scoreboard_workers_up(status->scoreboard) == 0)
        return reply_state(connection, 503, "no worker is up");
    return reply_state(connection, 200, "ready");
}

static void measure_queues(const struct status *status, struct metrics_queue *queues) {
    const struct listener *listener = status->listener;

    for (unsigned i = 0; i <= listener->pool_size; i++) {
        const bool is_pool = i < listener->pool_size;
        const char *path = is_pool ? listener->pool_path[i] : listener->status_path;
        const char *slash = strrchr(path, '/');
        struct metrics_queue *queue = &queues[i];

        *queue = (struct metrics_queue){.name = slash != NULL ? slash + 1 : path};
        queue->known = status->netlink >= 0 &&
                       netqueue_get(status->netlink, is_pool ? listener->pool[i] : listener->status,
                                    &queue->depth, &queue->limit) == 0;
    }
}

static int answer_metrics(const struct status *status, struct fcgi_connection *connection) {
    const enum metrics_format format = metrics_choose(fcgi_param(connection, "HTTP_ACCEPT"));
    struct metrics_queue queues[LISTENER_POOL_MAX + 1];
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    int result;

    if (out == NULL)
        return reply_state(connection, 500, "out of memory");
    measure_queues(status, queues);
    metrics_write(out, format, status->scoreboard, status->options, queues,
                  status->listener->pool_size + 1);
    if (fclose(out) != 0)
        length = 0;
    result = length > 0 ? reply(connection, 200, metrics_content_type(format), text, length)
                        : reply_state(connection, 500, "out of memory");
    free(text);
    return result;
}

static void add_number(struct json_object *object, const char *name, uint64_t value) {
    json_object_object_add(object, name, json_object_new_int64((int64_t)value));
}

static void add_text(struct json_object *object, const char *name, const char *text) {
    json_object_object_add(object, name, json_object_new_string(text));
}

/* Milliseconds from a moment until now; 0 for one that has not come yet. */
static uint64_t age_ms(uint64_t since_ns, uint64_t now_ns) {
    return since_ns != 0 && since_ns < now_ns ? (now_ns - since_ns) / CLOCK_NS_PER_MS : 0;
}

static struct json_object *slot_row(const struct scoreboard_slot *slot, unsigned number,
                                    uint64_t now_ns) {
    struct json_object *row = json_object_new_object();

    add_number(row, "number", number);
    add_number(row, "pid", (uint64_t)atomic_load(&slot->pid));
    add_text(row, "state", scoreboard_state_name(scoreboard_get_state(slot)));
    add_number(row, "age_ms", age_ms(atomic_load(&slot->started_ns), now_ns));
    add_number(row, "last_progress_ms", age_ms(atomic_load(&slot->progress_ns), now_ns));
    add_text(row, "engine", stats_engine_name(scoreboard_engine(slot)));
    add_number(row, "lanes", atomic_load(&slot->lanes));
    add_number(row, "lanes_busy", atomic_load(&slot->lanes_busy));
    add_number(row, "requests", stats_all_requests(&slot->stats));
    return row;
}

static struct json_object *queue_rows(const struct status *status) {
    struct metrics_queue queues[LISTENER_POOL_MAX + 1];
    struct json_object *rows = json_object_new_array();

    measure_queues(status, queues);
    for (unsigned i = 0; i <= status->listener->pool_size; i++) {
        struct json_object *row = json_object_new_object();

        add_text(row, "socket", queues[i].name);
        if (queues[i].known) {
            add_number(row, "depth", queues[i].depth);
            add_number(row, "limit", queues[i].limit);
        }
        json_object_array_add(rows, row);
    }
    return rows;
}

static int answer_status(const struct status *status, struct fcgi_connection *connection) {
    const struct scoreboard *scoreboard = status->scoreboard;
    const uint64_t now_ns = clock_monotonic_ns();
    struct json_object *object = json_object_new_object();
    struct json_object *workers = json_object_new_array();

    add_text(object, "version", BCRYPTD_VERSION);
    add_number(object, "uptime_ms", clock_realtime_ms() - scoreboard->master->started_ms);
    json_object_object_add(
        object, "draining",
        json_object_new_boolean(atomic_load(&scoreboard->master->draining) != 0));
    add_number(object, "workers_up", scoreboard_workers_up(scoreboard));
    add_number(object, "workers_max", status->options->workers);
    for (unsigned i = 1; i < scoreboard->slots; i++)
        json_object_array_add(workers, slot_row(&scoreboard->slot[i], i, now_ns));
    json_object_object_add(object, "workers", workers);
    json_object_object_add(object, "sockets", queue_rows(status));
    return reply_json(connection, 200, object);
}

static int answer(const struct status *status, struct fcgi_connection *connection) {
    const char *uri = fcgi_param(connection, "REQUEST_URI");
    const char *method = fcgi_param(connection, "REQUEST_METHOD");

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return reply_state(connection, 405, "method not allowed");
    if (route_is_path(uri, "/"))
        return page_reply(connection);
    if (route_is_path(uri, "/livez"))
        return reply_state(connection, 200, "live");
    if (route_is_path(uri, "/readyz"))
        return answer_readyz(status, connection);
    if (route_is_path(uri, "/metrics"))
        return answer_metrics(status, connection);
    if (route_is_path(uri, "/status"))
        return answer_status(status, connection);
    return reply_state(connection, 404, "not found");
}

/* Answers everything that waits. */
static void answer_waiting(struct status *status) {
    const unsigned limit_ms = status->options->read_timeout_ms;
    struct fcgi_connection connection = {.open = false};
    char waste[1];
    int result;

    for (;;) {
        /* Busy already while a peer is read from, as a worker is. */
        scoreboard_touch(status->slot, clock_monotonic_ns());
        scoreboard_set_state(status->slot, SCOREBOARD_BUSY);
        result = fcgi_accept(&connection, status->listener->status, limit_ms);
        if (result == -EAGAIN)
            return;
        if (result == 0)
            result = fcgi_begin(&connection, limit_ms);
        if (result < 0) {
            if (!child_note_accept_error(&status->slot->stats, result)) {
                child_wait(NULL, 0, CHILD_ACCEPT_PAUSE_MS);
                return;
            }
            continue;
        }
        fcgi_read_body(&connection, waste, sizeof waste);
        answer(status, &connection);
        fcgi_finish(&connection);
    }
}

static void open_netlink(struct status *status) {
    const int result = netqueue_open(&status->netlink);

    if (result == 0)
        return;
    status->netlink = -1;
    log_event(LOG_WARNING, "queue_unknown", "the listen queues cannot be measured",
              LOG_FIELDS(LOG_TEXT("error", strerror(-result))));
}

int status_run(const struct options *options, const struct listener *listener,
               struct scoreboard *scoreboard, int ready_fd) {
    struct status status = {
        .options = options,
        .listener = listener,
        .scoreboard = scoreboard,
        .slot = &scoreboard->slot[0],
    };
    struct pollfd entry = {.fd = listener->status, .events = POLLIN};

    open_netlink(&status);
    scoreboard_set_state(status.slot, SCOREBOARD_IDLE);
    child_report_ready(ready_fd);
    while (!child_stop_asked()) {
        if (child_wait(&entry, 1, -1) < 0)
            return 1;
        answer_waiting(&status);
        scoreboard_touch(status.slot, clock_monotonic_ns());
        scoreboard_set_state(status.slot, SCOREBOARD_IDLE);
    }
    if (status.netlink >= 0)
        close(status.netlink);
    return 0;
}
