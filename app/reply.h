/* reply: the answers' heads and bodies. */
#ifndef BCRYPTD_REPLY_H
#define BCRYPTD_REPLY_H

#include "fcgi.h"
#include "options.h"
#include "problem.h"
#include "request.h"

/* Answers a request whose hash is computed, by the contract of its route. Returns the status that
 * was sent, or 499 when the client did not take it. */
unsigned reply_hash(struct fcgi_connection *connection, const struct request *request,
                    const struct options *options, const char *hash);

/* Answers with a problem document. Returns as reply_hash(). */
unsigned reply_problem(struct fcgi_connection *connection, const char *request_id,
                       const struct problem *problem);

#endif
