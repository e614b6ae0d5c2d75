#include "intake.h"

#include "child.h"
#include "clock.h"
#include "scrub.h"

#include <errno.h>

void intake_init(struct intake *intake, const struct options *options,
                 const struct listener *listener, struct stats *stats, unsigned first) {
    *intake = (struct intake){
        .options = options,
        .listener = listener,
        .stats = stats,
        .next_socket = first % listener->pool_size,
    };
}

/* Reads a request that has arrived. False when it was none; that is counted. */
static bool begin(struct intake *intake, struct fcgi_connection *connection) {
    const int result = fcgi_begin(connection, intake->options->read_timeout_ms);

    if (result == 0)
        return true;
    scrub_stack();
    child_note_accept_error(intake->stats, result);
    return false;
}

/* Hands on a place's connection when its request has arrived, gives it up when it is late. */
static bool take_from_place(struct intake *intake, unsigned number, struct fcgi_connection *ret) {
    struct fcgi_connection *connection = &intake->place[number].connection;
    const bool arrived = fcgi_arrived(connection);

    if (!arrived && clock_monotonic_ns() < intake->place[number].expires_ns)
        return false;
    intake->place[number].taken = false;
    intake->waiting--;
    if (!arrived) {
        fcgi_drop(connection);
        child_note_accept_error(intake->stats, -ETIMEDOUT);
        return false;
    }
    *ret = *connection;
    return begin(intake, ret);
}

/* Keeps a connection until its request arrives. */
static void keep(struct intake *intake, const struct fcgi_connection *connection) {
    unsigned number = 0;

    while (intake->place[number].taken)
        number++;
    intake->place[number].taken = true;
    intake->place[number].expires_ns =
        clock_monotonic_ns() + intake->options->read_timeout_ms * CLOCK_NS_PER_MS;
    intake->place[number].connection = *connection;
    intake->waiting++;
}

/* Takes one waiting connection from whichever socket has one. Returns fcgi_accept()'s result. */
static int accept_any(struct intake *intake, struct fcgi_connection *connection) {
    const unsigned sockets = intake->listener->pool_size;

    for (unsigned i = 0; i < sockets; i++) {
        const unsigned socket = (intake->next_socket + i) % sockets;
        const int result = fcgi_accept(connection, intake->listener->pool[socket],
                                       intake->options->read_timeout_ms);

        if (result != -EAGAIN) {
            intake->next_socket = (socket + 1) % sockets;
            return result;
        }
    }
    return -EAGAIN;
}

bool intake_take(struct intake *intake, unsigned free_lanes, bool accepts,
                 struct fcgi_connection *ret) {
    intake->accept_failed = false;
    for (unsigned i = 0; i < ENGINE_LANES_MAX && intake->waiting > 0; i++)
        if (intake->place[i].taken && take_from_place(intake, i, ret))
            return true;
    while (accepts && intake->waiting < free_lanes) {
        const int result = accept_any(intake, ret);

        if (result == -EAGAIN)
            return false;
        if (result < 0) {
            child_note_accept_error(intake->stats, result);
            intake->accept_failed = true;
            return false;
        }
        if (!fcgi_arrived(ret))
            keep(intake, ret);
        else if (begin(intake, ret))
            return true;
    }
    return false;
}

/* Adds the places' connections to what is waited for. Returns the milliseconds until the first of
 * them expires, -1 when there is none. */
static int add_places(const struct intake *intake, struct pollfd *entries, nfds_t *count) {
    const uint64_t now_ns = clock_monotonic_ns();
    uint64_t first_ns = UINT64_MAX;

    for (unsigned i = 0; i < ENGINE_LANES_MAX; i++) {
        if (!intake->place[i].taken)
            continue;
        entries[(*count)++] =
            (struct pollfd){.fd = intake->place[i].connection.fd, .events = POLLIN};
        if (intake->place[i].expires_ns < first_ns)
            first_ns = intake->place[i].expires_ns;
    }
    if (first_ns == UINT64_MAX)
        return -1;
    return first_ns > now_ns ? (int)((first_ns - now_ns) / CLOCK_NS_PER_MS) + 1 : 0;
}

int intake_wait(struct intake *intake, unsigned free_lanes, bool accepts, bool stopping) {
    struct pollfd entries[LISTENER_POOL_MAX + ENGINE_LANES_MAX];
    nfds_t count = 0;
    int timeout_ms;

    /* The connection still waits: without a pause this would spin. */
    if (intake->accept_failed && !stopping)
        return child_wait(NULL, 0, CHILD_ACCEPT_PAUSE_MS);
    /* On a stop the sockets are shut, and so always readable: what they held is taken already. */
    if (accepts && !stopping && intake->waiting < free_lanes)
        for (unsigned i = 0; i < intake->listener->pool_size; i++)
            entries[count++] = (struct pollfd){.fd = intake->listener->pool[i], .events = POLLIN};
    timeout_ms = add_places(intake, entries, &count);
    if (!stopping)
        return child_wait(entries, count, timeout_ms);
    /* child_wait() would not wait any more. */
    return poll(entries, count, timeout_ms) < 0 && errno != EINTR ? -errno : 0;
}
