/* fcgi: one FastCGI connection through libfcgi, without its waits: the connection is accepted
 * here, with time limits on its socket, and handed to the library for the protocol alone. */
#ifndef BCRYPTD_FCGI_H
#define BCRYPTD_FCGI_H

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Zero-initialise. It is accepted first, and begun once its request arrives. */
struct fcgi_connection {
    int fd;    /* of an accepted connection that is not begun */
    bool open; /* begun: the request's parameters are there */
    FCGX_Request request;
};

/* Prepares libfcgi; once a process, before the first accept. Sets its signal handlers where they
 * are still the default, so the caller installs its own afterwards. Returns 0 or -errno. */
int fcgi_init(void);

/* Takes a waiting connection of a non-blocking listening socket. From here on each wait for its
 * peer takes at most timeout_ms. Returns 0; -EAGAIN when none waits; or another -errno. */
int fcgi_accept(struct fcgi_connection *connection, int listen_fd, unsigned timeout_ms);

/* True when reading from an accepted connection need not wait: the request, or its end, is there.
 */
bool fcgi_arrived(const struct fcgi_connection *connection);

/* Reads an accepted connection's parameters. Returns 0; or closes it and returns -ETIMEDOUT when
 * its peer sent nothing or stopped between two parameters, -EPROTO when it stopped elsewhere or
 * spoke something else. */
int fcgi_begin(struct fcgi_connection *connection, unsigned timeout_ms);

/* Closes an accepted connection that is not begun. */
void fcgi_drop(struct fcgi_connection *connection);

/* A parameter's value, "" when it was not sent. Valid until fcgi_finish(). */
const char *fcgi_param(const struct fcgi_connection *connection, const char *name);

/* Reads the request's body to its end; keeps the first size bytes. Returns the body's whole
 * length, which may be more than size, or -EIO when it did not come whole. */
ssize_t fcgi_read_body(struct fcgi_connection *connection, char *buffer, size_t size);

/* True when the peer has closed the connection: nginx does so when its client leaves. */
bool fcgi_client_gone(const struct fcgi_connection *connection);

/* Sends a reply: its head (CGI header lines, each with CRLF, without the empty line) and body.
 * Returns 0 or -EPIPE. */
int fcgi_reply(struct fcgi_connection *connection, const char *head, const char *body,
               size_t length);

/* Ends the request, closes the connection and frees what belongs to it; accepts a closed one. */
void fcgi_finish(struct fcgi_connection *connection);

#endif
