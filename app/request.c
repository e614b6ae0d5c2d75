#include "request.h"

#include "admission.h"
#include "body.h"
#include "clock.h"
#include "route.h"
#include "scrub.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_request_id(const char *text) {
    const size_t length = strlen(text);

    if (length == 0 || length >= REQUEST_ID_SIZE)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
            return false;
    return true;
}

void request_identify(const struct fcgi_connection *connection, struct request *ret) {
    const char *id = fcgi_param(connection, "REQUEST_ID");
    const char *rest;

    ret->accepted_ns = clock_monotonic_ns();
    ret->wait_ns = admission_wait_ns(fcgi_param(connection, "REQUEST_START"), clock_realtime_ms());
    ret->route = route_find(fcgi_param(connection, "REQUEST_URI"), &rest);
    strncpy(ret->id, is_request_id(id) ? id : "-", sizeof ret->id);
}

static int check_method(const struct fcgi_connection *connection, enum stats_route route,
                        struct problem *problem) {
    const char *allowed = route_methods(route);

    if (strcmp(fcgi_param(connection, "REQUEST_METHOD"), allowed) == 0)
        return 0;
    problem->allow = allowed;
    return problem_set(problem, PROBLEM_METHOD_NOT_ALLOWED, "This route serves %s only.", allowed);
}

/* application/json, with parameters or without. */
static int check_content_type(const struct fcgi_connection *connection, struct problem *problem) {
    static const char expected[] = "application/json";
    const size_t length = sizeof expected - 1;
    const char *type = fcgi_param(connection, "CONTENT_TYPE");

    if (strncasecmp(type, expected, length) == 0) {
        const char *rest = type + length + strspn(type + length, " \t");

        if (*rest == '\0' || *rest == ';')
            return 0;
    }
    return problem_set(problem, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                       "The Content-Type must be application/json.");
}

static int check_query(const struct fcgi_connection *connection, struct problem *problem) {
    if (strchr(fcgi_param(connection, "REQUEST_URI"), '?') == NULL)
        return 0;
    return problem_set(problem, PROBLEM_MALFORMED,
                       "This route takes no query; send the fields as JSON in the body.");
}

static int take_cost(const struct body *body, const struct options *options,
                     struct request *request, struct problem *problem) {
    if (!body->has_cost) {
        request->cost = options->cost;
        return 0;
    }
    if (body->cost < (int64_t)options->min_cost || body->cost > (int64_t)options->max_cost)
        return problem_set(problem, PROBLEM_UNPROCESSABLE_COST, "The cost must be from %u to %u.",
                           options->min_cost, options->max_cost);
    request->cost = (unsigned)body->cost;
    return 0;
}

static int take_hash(const struct body *body, const struct options *options,
                     struct request *request, struct problem *problem) {
    /* A hash below min-cost may be verified: it is cheap, and how else would it be replaced. */
    if ((unsigned)body->hash_cost > options->max_cost)
        return problem_set(problem, PROBLEM_UNPROCESSABLE_COST,
                           "The hash has cost %d; this service computes at most %u.",
                           body->hash_cost, options->max_cost);
    request->cost = (unsigned)body->hash_cost;
    memcpy(request->setting, body->hash, sizeof request->setting);
    return 0;
}

static int use_body(const struct body *body, const struct options *options, struct request *request,
                    struct problem *problem) {
    request->password = body->password;
    if (request->route == STATS_VERIFY)
        return take_hash(body, options, request, problem);
    return take_cost(body, options, request, problem);
}

static int check_post(const struct fcgi_connection *connection, ssize_t length,
                      struct problem *problem) {
    if (check_query(connection, problem) < 0 || check_content_type(connection, problem) < 0)
        return -1;
    if (length > BODY_MAX)
        return problem_set(problem, PROBLEM_TOO_LARGE, "The body has more than %d bytes.",
                           BODY_MAX);
    return 0;
}

static int parse_post(const char *text, size_t length, const struct options *options,
                      struct request *request, struct problem *problem) {
    struct body body = {0};
    int result = body_parse(text, length, request->route == STATS_VERIFY, &body, problem);

    if (result == 0)
        result = use_body(&body, options, request, problem);
    scrub_memory(&body, sizeof body);
    return result;
}

static int read_get(const struct fcgi_connection *connection, const struct options *options,
                    struct request *request, struct problem *problem) {
    const char *rest;

    route_find(fcgi_param(connection, "REQUEST_URI"), &rest);
    request->cost = options->cost;
    return route_decode_password(rest, &request->password, problem);
}

/* Everything after the body was read; text holds its first BODY_MAX bytes. */
static int interpret(const struct fcgi_connection *connection, const struct options *options,
                     const char *text, ssize_t length, struct request *request,
                     struct problem *problem) {
    if (length < 0)
        return problem_set(problem, PROBLEM_MALFORMED, "The body did not arrive whole.");
    if (request->route == STATS_OTHER || (request->route == STATS_GETHASH && !options->gethash))
        return problem_set(problem, PROBLEM_NOT_FOUND, "There is nothing at this path.");
    if (check_method(connection, request->route, problem) < 0)
        return -1;
    if (request->route == STATS_GETHASH)
        return read_get(connection, options, request, problem);
    if (check_post(connection, length, problem) < 0)
        return -1;
    return parse_post(text, (size_t)length, options, request, problem);
}

int request_read(struct fcgi_connection *connection, const struct options *options,
                 struct request *ret, struct problem *problem) {
    char text[BODY_MAX];
    /* Always to its end: a close with unread bytes would reset the connection. */
    const ssize_t length = fcgi_read_body(connection, text, sizeof text);
    int result = interpret(connection, options, text, length, ret, problem);

    scrub_memory(text, sizeof text);
    if (result == 0 && ret->route != STATS_VERIFY &&
        password_new_setting(ret->cost, ret->setting) < 0)
        result = problem_set(problem, PROBLEM_INTERNAL, "No random salt could be made.");
    return result;
}

void request_wipe(struct request *request) {
    scrub_memory(request, sizeof *request);
}
