/* client: nginx's side of a FastCGI connection, for tests and fuzz targets. A failure of the
 * machinery itself (no socket, a reply that is no FastCGI) ends the process with a message. */
#ifndef BCRYPTD_TESTS_CLIENT_H
#define BCRYPTD_TESTS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

/* A parameter of a request; a list ends with an entry without a name. */
struct client_param {
    const char *name;
    const char *value;
};

#define CLIENT_REPLY_SIZE 65536

struct client_reply {
    bool complete; /* the application ended the request in the protocol's way */
    char head[1024];
    char body[CLIENT_REPLY_SIZE];
    size_t length; /* of the body */
};

/* Makes a non-blocking listening unix socket without a file. Ignores SIGPIPE from here on. */
int client_listen(int backlog);

/* Connects to a listening unix socket. */
int client_connect(int listen_fd);

/* Writes a whole request into buffer: begin, parameters, body. Returns its length. */
size_t client_build(unsigned char *buffer, size_t size, const struct client_param *params,
                    const char *body, size_t length);

/* Sends bytes; end says that nothing more follows. */
void client_send(int fd, const void *bytes, size_t length, bool end);

/* Connects and sends a whole request, keeping the connection open. Returns the connection. */
int client_request(int listen_fd, const struct client_param *params, const char *body,
                   size_t length);

/* Reads the reply until the application closes, and closes fd. */
void client_receive(int fd, struct client_reply *ret);

/* The value of a header line of the reply, or NULL. The text lasts until the next call. */
const char *client_header(const struct client_reply *reply, const char *name);

/* The reply's status, 0 when it has none. */
unsigned client_status(const struct client_reply *reply);

#endif
