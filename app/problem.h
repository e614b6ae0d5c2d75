/* problem: the error replies, RFC 9457 documents. */
#ifndef BCRYPTD_PROBLEM_H
#define BCRYPTD_PROBLEM_H

enum problem_kind {
    PROBLEM_NONE,
    PROBLEM_MALFORMED,              /* 400 */
    PROBLEM_NOT_FOUND,              /* 404 */
    PROBLEM_METHOD_NOT_ALLOWED,     /* 405, with Allow */
    PROBLEM_TOO_LARGE,              /* 413 */
    PROBLEM_UNSUPPORTED_MEDIA_TYPE, /* 415 */
    PROBLEM_UNPROCESSABLE_PASSWORD, /* 422 */
    PROBLEM_UNPROCESSABLE_COST,     /* 422 */
    PROBLEM_UNPROCESSABLE_HASH,     /* 422 */
    PROBLEM_INTERNAL,               /* 500 */
    PROBLEM_OVERLOADED,             /* 503, with Retry-After */
    PROBLEM_KINDS
};

#define PROBLEM_DETAIL_SIZE 160

/* What went wrong with one request. detail is a sentence for people and never holds anything the
 * request sent; allow is the 405's list of methods. */
struct problem {
    enum problem_kind kind;
    const char *allow;
    char detail[PROBLEM_DETAIL_SIZE];
};

/* Sets kind and detail; returns -1, so that a check can end with it. */
int problem_set(struct problem *problem, enum problem_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

unsigned problem_status(enum problem_kind kind);
const char *problem_slug(enum problem_kind kind);
const char *problem_title(enum problem_kind kind);

#endif
