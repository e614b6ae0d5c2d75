/* route: which route a raw request URI names, and the password inside of it. */
#ifndef BCRYPTD_ROUTE_H
#define BCRYPTD_ROUTE_H

#include "password.h"
#include "stats.h"

#include <stdbool.h>

/* True when a raw URI is this path, with or without a query. */
bool route_is_path(const char *uri, const char *path);

/* The route of a raw URI (still percent-encoded, query included). For STATS_GETHASH *ret_rest is
 * what follows the prefix; for the others it is NULL. */
enum stats_route route_find(const char *uri, const char **ret_rest);

/* The methods a route serves, for Allow. */
const char *route_methods(enum stats_route route);

/* Takes the password out of the rest of a /gethash/ URI: one trailing '/' may follow it, and it
 * is percent-decoded exactly once. A raw '/' in it is 404, a '?' or a broken escape 400, and what
 * bcrypt cannot hold 422. Returns 0, or -1 with the problem set. */
int route_decode_password(const char *rest, struct password *ret, struct problem *problem);

#endif
