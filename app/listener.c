#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STATUS_NAME "status.sock"

static int fail(int result, const char *path, const char *what,
                char ret_error[static OPTIONS_ERROR_SIZE]) {
    snprintf(ret_error, OPTIONS_ERROR_SIZE, "%s: %s: %s", path, what, strerror(-result));
    return result;
}

/* True when a process listens at the address: its file must not be taken away. */
static bool is_served(const struct sockaddr_un *address) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool served;

    if (fd < 0)
        return false;
    served = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN;
    close(fd);
    return served;
}

static int set_group(const char *path, const char *group) {
    const struct group *entry;

    if (group[0] == '\0')
        return 0;
    errno = 0;
    entry = getgrnam(group);
    if (entry == NULL)
        return errno != 0 ? -errno : -ENOENT;
    return chown(path, (uid_t)-1, entry->gr_gid) < 0 ? -errno : 0;
}

static int make_socket(const struct options *options, const char *path, int *ret_fd,
                       char ret_error[static OPTIONS_ERROR_SIZE]) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t old_mask;
    bool bound = false;
    int result;
    int fd;

    memcpy(address.sun_path, path, strlen(path) + 1);
    if (is_served(&address))
        return fail(-EADDRINUSE, path, "another process serves this socket", ret_error);
    unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(-errno, path, "socket", ret_error);
    /* Closed to all until mode and group are right. */
    old_mask = umask(0777);
    result = bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
    umask(old_mask);
    if (result < 0) {
        fail(result, path, "bind", ret_error);
        goto failed;
    }
    bound = true;
    result = set_group(path, options->socket_group);
    if (result < 0) {
        fail(result, path, "socket-group", ret_error);
        goto failed;
    }
    if (chmod(path, (mode_t)options->socket_mode) < 0 || listen(fd, (int)options->backlog) < 0) {
        result = fail(-errno, path, "listen", ret_error);
        goto failed;
    }
    *ret_fd = fd;
    return 0;

failed:
    if (bound)
        unlink(path);
    close(fd);
    return result;
}

static int open_own(const struct options *options, struct listener *listener,
                    char ret_error[static OPTIONS_ERROR_SIZE]) {
    int result;

    if (mkdir(options->socket_dir, 0755) < 0 && errno != EEXIST)
        return fail(-errno, options->socket_dir, "socket-dir", ret_error);
    for (unsigned i = 0; i < options->pool_size; i++) {
        char *path = listener->pool_path[i];

        if (snprintf(path, OPTIONS_TEXT_SIZE, "%s/pool-%u.sock", options->socket_dir, i) >=
            OPTIONS_TEXT_SIZE)
            return fail(-ENAMETOOLONG, options->socket_dir, "socket-dir", ret_error);
        result = make_socket(options, path, &listener->pool[i], ret_error);
        if (result < 0)
            return result;
        listener->pool_size++;
    }
    if (snprintf(listener->status_path, OPTIONS_TEXT_SIZE, "%s/%s", options->socket_dir,
                 STATUS_NAME) >= OPTIONS_TEXT_SIZE)
        return fail(-ENAMETOOLONG, options->socket_dir, "socket-dir", ret_error);
    return make_socket(options, listener->status_path, &listener->status, ret_error);
}

/* Puts one of systemd's sockets in its place by the name of its file. */
static int adopt(struct listener *listener, int fd, char ret_error[static OPTIONS_ERROR_SIZE]) {
    struct sockaddr_un address = {0};
    socklen_t length = sizeof address - 1;
    const int flags = fcntl(fd, F_GETFL);
    const char *name;

    if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return fail(-EINVAL, "a socket from systemd", "not a listening unix stream socket",
                    ret_error);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return fail(-errno, address.sun_path, "fcntl", ret_error);
    name = strrchr(address.sun_path, '/');
    if (name != NULL && strcmp(name + 1, STATUS_NAME) == 0) {
        listener->status = fd;
        snprintf(listener->status_path, OPTIONS_TEXT_SIZE, "%.107s", address.sun_path);
        return 0;
    }
    if (listener->pool_size == LISTENER_POOL_MAX)
        return fail(-E2BIG, address.sun_path, "more pool sockets than 16", ret_error);
    snprintf(listener->pool_path[listener->pool_size], OPTIONS_TEXT_SIZE, "%.107s",
             address.sun_path);
    listener->pool[listener->pool_size++] = fd;
    return 0;
}

static int adopt_all(struct listener *listener, int count,
                     char ret_error[static OPTIONS_ERROR_SIZE]) {
    listener->inherited = true;
    for (int i = 0; i < count; i++) {
        const int result = adopt(listener, SD_LISTEN_FDS_START + i, ret_error);

        if (result < 0)
            return result;
    }
    if (listener->pool_size == 0 || listener->status < 0)
        return fail(-EINVAL, "the sockets from systemd",
                    "need at least one for the pool and one called " STATUS_NAME, ret_error);
    return 0;
}

int listener_open(const struct options *options, struct listener *ret,
                  char ret_error[static OPTIONS_ERROR_SIZE]) {
    struct listener listener = {.status = -1};
    const int passed = sd_listen_fds(1);
    int result;

    if (passed < 0)
        return fail(passed, "LISTEN_FDS", "sockets from systemd", ret_error);
    result = passed > 0 ? adopt_all(&listener, passed, ret_error)
                        : open_own(options, &listener, ret_error);
    if (result < 0) {
        if (!listener.inherited)
            listener_unlink(&listener);
        listener_close(&listener);
        return result;
    }
    *ret = listener;
    return 0;
}

static void unlink_pool(const struct listener *listener) {
    for (unsigned i = 0; i < listener->pool_size; i++)
        unlink(listener->pool_path[i]);
}

void listener_refuse(const struct listener *listener) {
    if (listener->inherited)
        return;
    for (unsigned i = 0; i < listener->pool_size; i++)
        shutdown(listener->pool[i], SHUT_RD);
    unlink_pool(listener);
}

void listener_unlink(const struct listener *listener) {
    if (listener->inherited)
        return;
    unlink_pool(listener);
    if (listener->status >= 0)
        unlink(listener->status_path);
}

void listener_close(struct listener *listener) {
    for (unsigned i = 0; i < listener->pool_size; i++)
        close(listener->pool[i]);
    if (listener->status >= 0)
        close(listener->status);
    listener->pool_size = 0;
    listener->status = -1;
}
