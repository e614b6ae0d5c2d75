#include "fcgi.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int fcgi_init(void) {
    /* The library would wait for the peer to close first; nothing unread is left that a close
     * could turn into a reset, so there is nothing to wait for. */
    if (setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) < 0)
        return -errno;
    return FCGX_Init() == 0 ? 0 : -EIO;
}

static int set_timeouts(int fd, unsigned timeout_ms) {
    const struct timeval limit = {
        .tv_sec = timeout_ms / 1000,
        .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000,
    };

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        return -errno;
    return 0;
}

/* Lets the library read the request from fd. It accepts by itself only where it holds no
 * connection, so it is given this one as a kept connection; should the request be broken, it
 * closes fd and fails to accept another from the socket -1. */
static int read_params(struct fcgi_connection *connection, int fd) {
    FCGX_Request *request = &connection->request;
    int result;

    FCGX_InitRequest(request, -1, FCGI_FAIL_ACCEPT_ON_INTR);
    request->ipcFd = fd;
    request->keepConnection = 1;
    errno = 0;
    result = FCGX_Accept_r(request);
    /* Whatever the peer wished: a kept connection would pin this lane to it. */
    request->keepConnection = 0;
    if (result != 0)
        return -EPROTO;
    /* For the library, parameters that end early are all there are. */
    result = FCGX_GetError(request->in);
    if (result == 0)
        return 0;
    FCGX_Free(request, 1);
    return result == EAGAIN ? -ETIMEDOUT : -EPROTO;
}

int fcgi_accept(struct fcgi_connection *connection, int listen_fd, unsigned timeout_ms) {
    const int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    int result;

    if (fd < 0)
        return errno == ECONNABORTED || errno == EINTR ? -EAGAIN : -errno;
    result = set_timeouts(fd, timeout_ms);
    if (result < 0) {
        close(fd);
        return result;
    }
    connection->fd = fd;
    return 0;
}

/* Waits for the request's first bytes, so that a silent peer is told from a broken one. */
static int wait_readable(int fd, unsigned timeout_ms) {
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    int ready;

    do
        ready = poll(&entry, 1, (int)timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return -errno;
    return ready == 0 ? -ETIMEDOUT : 0;
}

bool fcgi_arrived(const struct fcgi_connection *connection) {
    return wait_readable(connection->fd, 0) == 0;
}

int fcgi_begin(struct fcgi_connection *connection, unsigned timeout_ms) {
    int result = wait_readable(connection->fd, timeout_ms);

    if (result < 0) {
        fcgi_drop(connection);
        return result;
    }
    result = read_params(connection, connection->fd);
    connection->open = result == 0;
    return result;
}

void fcgi_drop(struct fcgi_connection *connection) {
    close(connection->fd);
}

const char *fcgi_param(const struct fcgi_connection *connection, const char *name) {
    const char *value = FCGX_GetParam(name, connection->request.envp);

    return value != NULL ? value : "";
}

ssize_t fcgi_read_body(struct fcgi_connection *connection, char *buffer, size_t size) {
    FCGX_Stream *in = connection->request.in;
    ssize_t total = 0;
    int byte;

    while ((byte = FCGX_GetChar(in)) != EOF) {
        if ((size_t)total < size)
            buffer[total] = (char)byte;
        total++;
    }
    return FCGX_GetError(in) != 0 ? -EIO : total;
}

bool fcgi_client_gone(const struct fcgi_connection *connection) {
    struct pollfd entry = {.fd = connection->request.ipcFd, .events = POLLRDHUP};

    return poll(&entry, 1, 0) > 0;
}

int fcgi_reply(struct fcgi_connection *connection, const char *head, const char *body,
               size_t length) {
    FCGX_Stream *out = connection->request.out;

    if (FCGX_PutS(head, out) < 0 || FCGX_PutS("\r\n", out) < 0 ||
        FCGX_PutStr(body, (int)length, out) < 0 || FCGX_FFlush(out) < 0)
        return -EPIPE;
    return 0;
}

void fcgi_finish(struct fcgi_connection *connection) {
    if (!connection->open)
        return;
    connection->open = false;
    FCGX_Finish_r(&connection->request);
    memset(&connection->request, 0, sizeof connection->request);
}
