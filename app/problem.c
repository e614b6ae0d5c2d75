#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    unsigned status;
    const char *slug;
    const char *title;
} kinds[PROBLEM_KINDS] = {
    [PROBLEM_NONE] = {200, "none", "No problem"},
    [PROBLEM_MALFORMED] = {400, "malformed", "Malformed request"},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "No such resource"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {405, "method-not-allowed", "Method not allowed"},
    [PROBLEM_TOO_LARGE] = {413, "too-large", "Request too large"},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported-media-type", "Unsupported media type"},
    [PROBLEM_UNPROCESSABLE_PASSWORD] = {422, "unprocessable-password",
                                        "Password that bcrypt cannot hold"},
    [PROBLEM_UNPROCESSABLE_COST] = {422, "unprocessable-cost", "Cost out of range"},
    [PROBLEM_UNPROCESSABLE_HASH] = {422, "unprocessable-hash", "Not a usable bcrypt hash"},
    [PROBLEM_INTERNAL] = {500, "internal", "Internal error"},
    [PROBLEM_OVERLOADED] = {503, "overloaded", "Service overloaded"},
};

int problem_set(struct problem *problem, enum problem_kind kind, const char *format, ...) {
    va_list arguments;

    problem->kind = kind;
    va_start(arguments, format);
    vsnprintf(problem->detail, sizeof problem->detail, format, arguments);
    va_end(arguments);
    return -1;
}

unsigned problem_status(enum problem_kind kind) {
    return kinds[kind].status;
}

const char *problem_slug(enum problem_kind kind) {
    return kinds[kind].slug;
}

const char *problem_title(enum problem_kind kind) {
    return kinds[kind].title;
}
