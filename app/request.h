/* request: what one FastCGI request asks for, read and checked. */
#ifndef BCRYPTD_REQUEST_H
#define BCRYPTD_REQUEST_H

#include "fcgi.h"
#include "options.h"
#include "password.h"
#include "problem.h"
#include "stats.h"

#define REQUEST_ID_SIZE 65

struct request {
    enum stats_route route;
    char id[REQUEST_ID_SIZE]; /* nginx's $request_id, "-" when there is none */
    uint64_t wait_ns;         /* since nginx took the request up */
    uint64_t accepted_ns;     /* clock_monotonic_ns() when it was read */
    struct password password;
    unsigned cost;
    char setting[PASSWORD_HASH_LEN + 1]; /* a new setting, or the hash to verify */
};

/* Fills id, wait and route of ret from the connection's parameters; it cannot fail. */
void request_identify(const struct fcgi_connection *connection, struct request *ret);

/* Reads the rest of an identified request to its end and checks it. Returns 0, or -1 with the
 * problem set. The caller wipes ret after use with request_wipe(). */
int request_read(struct fcgi_connection *connection, const struct options *options,
                 struct request *ret, struct problem *problem);

/* Wipes the whole request. */
void request_wipe(struct request *request);

#endif
