#include "clients.h"

#include "reply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define REPLY_TIMEOUT_NS (30 * NS_PER_S)
#define ERROR_PAUSE_NS (20 * NS_PER_MS) /* a server that is not there is not hammered at */
#define DRAIN_NS (15 * NS_PER_S)
#define EVENTS 256

struct run {
    const struct clients_options *options;
    struct record *record;
    int epoll;
    char request[1024];
    size_t request_length;
    uint64_t now_ns;
    uint64_t next_ns; /* open loop: the next request */
    uint64_t random;
    bool stopping;
    unsigned used; /* clients that have been used so far */
    struct client *client;
};

static uint64_t clock_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* A random number in (0, 1], by xorshift64*. */
static double draw(struct run *run) {
    run->random ^= run->random >> 12;
    run->random ^= run->random << 25;
    run->random ^= run->random >> 27;
    return (double)(((run->random * UINT64_C(2685821657736338717)) >> 11) + 1) / 9007199254740992.0;
}

static void disconnect(struct client *client) {
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

/* Its request is over; a closed loop's next one is sent after a pause. */
static void rest(const struct run *run, struct client *client, uint64_t pause_ns) {
    client->state = run->options->rate > 0 ? CLIENT_IDLE : CLIENT_PAUSED;
    client->due_ns = run->now_ns + pause_ns;
    client->leave_ns = 0;
}

static void fail(struct run *run, struct client *client, enum record_error error) {
    record_error(run->record, error);
    disconnect(client);
    rest(run, client, ERROR_PAUSE_NS);
}

static void transmit(struct run *run, struct client *client) {
    client->state = CLIENT_WAITING;
    client->length = 0;
    if (send(client->fd, run->request, run->request_length, MSG_NOSIGNAL) !=
        (ssize_t)run->request_length)
        fail(run, client, RECORD_CLOSED);
}

static int watch(const struct run *run, struct client *client, int operation, uint32_t events) {
    struct epoll_event event = {.events = events | EPOLLRDHUP, .data.ptr = client};

    return epoll_ctl(run->epoll, operation, client->fd, &event);
}

static bool start_connecting(const struct run *run, struct client *client) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)run->options->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int on = 1;

    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return false;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(client->fd, (const struct sockaddr *)&address, sizeof address) < 0 &&
        errno != EINPROGRESS)
        return false;
    return watch(run, client, EPOLL_CTL_ADD, EPOLLOUT) == 0;
}

/* Sends a client's request, on a new connection when it has none. */
static void ask(struct run *run, struct client *client, uint64_t begin_ns) {
    const struct clients_options *options = run->options;

    run->record->sent++;
    client->begin_ns = begin_ns;
    client->leave_ns = 0;
    if (options->leave_share > 0 && draw(run) <= options->leave_share)
        client->leave_ns =
            run->now_ns + (uint64_t)(draw(run) * (double)(options->leave_ms * NS_PER_MS));
    if (client->fd >= 0) {
        transmit(run, client);
        return;
    }
    client->state = CLIENT_CONNECTING;
    if (!start_connecting(run, client))
        fail(run, client, RECORD_CONNECT);
}

/* How long a refused client stays away. Jitter keeps those that were refused together apart. */
static uint64_t pause_after(struct run *run, const struct client *client,
                            const struct reply *reply) {
    if (client->obeys && reply->has_retry_after)
        return (uint64_t)((double)(reply->retry_after_s * NS_PER_S) * (1 + draw(run) / 2));
    return (uint64_t)((double)(run->options->pause_ms * NS_PER_MS) * (0.5 + draw(run)));
}

static void finish(struct run *run, struct client *client, const struct reply *reply) {
    uint64_t pause_ns = 0;

    run->now_ns = clock_ns();
    if (reply->status == 200 && strstr(reply->body, run->options->expect) == NULL) {
        fail(run, client, RECORD_BROKEN);
        return;
    }
    record_reply(run->record, reply->status, reply->has_retry_after, client->begin_ns, run->now_ns);
    if (reply->closes)
        disconnect(client);
    if (reply->status != 200)
        pause_ns = pause_after(run, client, reply);
    rest(run, client, pause_ns);
    if (client->state == CLIENT_PAUSED && pause_ns == 0 && !run->stopping)
        ask(run, client, run->now_ns);
}

static void receive(struct run *run, struct client *client) {
    const ssize_t got = recv(client->fd, client->reply + client->length,
                             CLIENTS_REPLY_SIZE - client->length, MSG_DONTWAIT);
    struct reply reply;
    int complete;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (client->state != CLIENT_WAITING) {
        /* The server has closed a connection that nobody uses. */
        disconnect(client);
        return;
    }
    if (got <= 0) {
        fail(run, client, RECORD_CLOSED);
        return;
    }
    client->length += (size_t)got;
    client->reply[client->length] = '\0';
    complete = reply_parse(client->reply, client->length, &reply);
    if (complete < 0 || (complete == 0 && client->length == CLIENTS_REPLY_SIZE))
        fail(run, client, RECORD_BROKEN);
    else if (complete > 0)
        finish(run, client, &reply);
}

static void handle(struct run *run, struct client *client) {
    int error = 0;
    socklen_t size = sizeof error;

    if (client->fd < 0)
        return;
    if (client->state != CLIENT_CONNECTING) {
        receive(run, client);
        return;
    }
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0 ||
        watch(run, client, EPOLL_CTL_MOD, EPOLLIN) < 0)
        fail(run, client, RECORD_CONNECT);
    else
        transmit(run, client);
}

static bool is_busy(const struct client *client) {
    return client->state == CLIENT_CONNECTING || client->state == CLIENT_WAITING;
}

/* When a client has something to do by itself. */
static uint64_t next_of(const struct run *run, const struct client *client) {
    const uint64_t timeout_ns = client->begin_ns + REPLY_TIMEOUT_NS;

    if (is_busy(client))
        return client->leave_ns != 0 && client->leave_ns < timeout_ns ? client->leave_ns
                                                                      : timeout_ns;
    if (client->state == CLIENT_PAUSED && !run->stopping)
        return client->due_ns;
    return UINT64_MAX;
}

/* Does what is due of a client. */
static void act(struct run *run, struct client *client) {
    if (next_of(run, client) > run->now_ns)
        return;
    if (!is_busy(client)) {
        ask(run, client, run->now_ns);
    } else if (client->leave_ns != 0 && client->leave_ns <= run->now_ns) {
        run->record->left++;
        disconnect(client);
        rest(run, client, 0);
    } else {
        fail(run, client, RECORD_TIMEOUT);
    }
}

static struct client *find_idle(struct run *run) {
    for (unsigned i = 0; i < run->used; i++)
        if (run->client[i].state == CLIENT_IDLE)
            return &run->client[i];
    return run->used < run->options->count ? &run->client[run->used++] : NULL;
}

/* Sends what an open loop owes by now, each request counted from the moment it was due. */
static void ask_due(struct run *run) {
    while (run->options->rate > 0 && !run->stopping && run->next_ns <= run->now_ns) {
        struct client *client = find_idle(run);
        const double gap_s = (run->options->even ? 1 : -log(draw(run))) / run->options->rate;

        if (client != NULL)
            ask(run, client, run->next_ns);
        else
            record_error(run->record, RECORD_UNSENT);
        run->next_ns += (uint64_t)(gap_s * 1e9);
    }
}

/* Does all that is due, and returns when the next will be. */
static uint64_t act_all(struct run *run) {
    uint64_t next = run->options->rate > 0 && !run->stopping ? run->next_ns : UINT64_MAX;

    for (unsigned i = 0; i < run->used; i++) {
        uint64_t due;

        act(run, &run->client[i]);
        due = next_of(run, &run->client[i]);
        next = due < next ? due : next;
    }
    return next;
}

static unsigned count_busy(const struct run *run) {
    unsigned busy = 0;

    for (unsigned i = 0; i < run->used; i++)
        busy += is_busy(&run->client[i]);
    return busy;
}

static void wait_until(struct run *run, uint64_t ns) {
    const uint64_t left_ns = ns > run->now_ns ? ns - run->now_ns : 0;
    const struct timespec limit = {
        .tv_sec = (time_t)(left_ns / NS_PER_S),
        .tv_nsec = (long)(left_ns % NS_PER_S),
    };
    struct epoll_event events[EVENTS];
    const int count = epoll_pwait2(run->epoll, events, EVENTS, &limit, NULL);

    run->now_ns = clock_ns();
    for (int i = 0; i < count; i++)
        handle(run, events[i].data.ptr);
}

static void loop(struct run *run) {
    const uint64_t end_ns = run->now_ns + (uint64_t)(run->options->seconds * 1e9);

    for (;;) {
        uint64_t next;

        run->now_ns = clock_ns();
        run->stopping = run->now_ns >= end_ns;
        if (run->stopping && (count_busy(run) == 0 || run->now_ns >= end_ns + DRAIN_NS))
            return;
        ask_due(run);
        next = act_all(run);
        if (!run->stopping && next > end_ns)
            next = end_ns;
        wait_until(run, next < end_ns + DRAIN_NS ? next : end_ns + DRAIN_NS);
    }
}

static int prepare(struct run *run) {
    const struct clients_options *options = run->options;
    const int length = snprintf(run->request, sizeof run->request,
                                "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", options->path);

    if (length < 0 || (size_t)length >= sizeof run->request)
        return -ENAMETOOLONG;
    run->request_length = (size_t)length;
    run->random = options->seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    run->now_ns = clock_ns();
    run->next_ns = run->now_ns;
    run->record->lanes = options->lanes;
    run->record->warm_ns = run->now_ns + (uint64_t)(options->warmup_seconds * 1e9);
    run->client = calloc(options->count, sizeof *run->client);
    if (run->client == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < options->count; i++) {
        run->client[i].fd = -1;
        run->client[i].obeys = i < options->obey_share * options->count;
        if (options->rate > 0)
            continue;
        run->client[i].state = CLIENT_PAUSED;
        run->client[i].due_ns =
            run->now_ns + (uint64_t)(draw(run) * (double)(options->pause_ms * NS_PER_MS));
        run->used++;
    }
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    return run->epoll < 0 ? -errno : 0;
}

int clients_run(const struct clients_options *options, struct record *record) {
    struct run run = {.options = options, .record = record, .epoll = -1};
    const int result = prepare(&run);

    if (result == 0) {
        loop(&run);
        for (unsigned i = 0; i < run.used; i++) {
            /* Whoever still waits has no answer. */
            if (is_busy(&run.client[i]))
                record_error(record, RECORD_TIMEOUT);
            disconnect(&run.client[i]);
        }
        close(run.epoll);
    }
    free(run.client);
    return result;
}
