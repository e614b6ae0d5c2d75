/* fcgi: one FastCGI connection through libfcgi, without its waits: the connection is accepted
 * here, with time limits on its socket, and handed to the library for the protocol alone. */
#ifndef BCRYPTD_FCGI_H
#define BCRYPTD_FCGI_H

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Zero-initialise; open says whether there is a connection. */
struct fcgi_connection {
    FCGX_Request request;
    bool open;
};

/* Prepares libfcgi; once a process, before the first accept. Sets its signal handlers where they
 * are still the default, so the caller installs its own afterwards. Returns 0 or -errno. */
int fcgi_init(void);

/* Takes a waiting connection of a non-blocking listening socket and reads the request's
 * parameters, waiting at most timeout_ms for each part of them. Returns 0; -EAGAIN when none
 * waits; -ETIMEDOUT when its peer sent nothing or stopped between two parameters, -EPROTO when it
 * stopped elsewhere or spoke something else (it is closed
 * then); or another -errno of accept. */
int fcgi_accept(struct fcgi_connection *connection, int listen_fd, unsigned timeout_ms);

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
