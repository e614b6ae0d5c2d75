#include "route.h"

#include "hex.h"
#include "scrub.h"

#include <string.h>

/* Far more than 72 encoded bytes, so that the message can say how long the password is. */
#define DECODED_MAX 4096

bool route_is_path(const char *uri, const char *path) {
    const size_t length = strlen(path);

    return strncmp(uri, path, length) == 0 && (uri[length] == '\0' || uri[length] == '?');
}

enum stats_route route_find(const char *uri, const char **ret_rest) {
    static const char prefix[] = "/gethash/";

    *ret_rest = NULL;
    if (strncmp(uri, prefix, sizeof prefix - 1) == 0) {
        *ret_rest = uri + sizeof prefix - 1;
        return STATS_GETHASH;
    }
    if (route_is_path(uri, "/v1/hash"))
        return STATS_HASH;
    if (route_is_path(uri, "/v1/verify"))
        return STATS_VERIFY;
    return STATS_OTHER;
}

const char *route_methods(enum stats_route route) {
    return route == STATS_GETHASH ? "GET" : "POST";
}

/* Percent-decodes length bytes of text. Returns the decoded length, or -1 for a broken escape. */
static long decode(const char *text, size_t length, char *decoded) {
    long used = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] != '%') {
            decoded[used++] = text[i];
            continue;
        }
        if (length - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
            return -1;
        decoded[used++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
        i += 2;
    }
    return used;
}

/* The rest without its trailing '/', when its characters can be a password's. */
static int measure(const char *rest, size_t *ret_length, struct problem *problem) {
    size_t length = strlen(rest);

    if (strchr(rest, '?') != NULL)
        return problem_set(problem, PROBLEM_MALFORMED,
                           "This route takes no query; write a '?' in the password as %%3F.");
    if (length > 0 && rest[length - 1] == '/')
        length--;
    if (memchr(rest, '/', length) != NULL)
        return problem_set(problem, PROBLEM_NOT_FOUND,
                           "Nothing is below a password; write a '/' in it as %%2F.");
    if (length > DECODED_MAX)
        return problem_set(problem, PROBLEM_UNPROCESSABLE_PASSWORD,
                           "The password is longer than the %d bytes that bcrypt holds.",
                           PASSWORD_MAX);
    *ret_length = length;
    return 0;
}

int route_decode_password(const char *rest, struct password *ret, struct problem *problem) {
    char decoded[DECODED_MAX] = "";
    size_t length = 0;
    long used;
    int result;

    if (measure(rest, &length, problem) < 0)
        return -1;
    used = decode(rest, length, decoded);
    if (used < 0)
        result = problem_set(problem, PROBLEM_MALFORMED,
                             "A '%%' in the path is not followed by two hexadecimal digits.");
    else
        result = password_set(ret, decoded, (size_t)used, problem);
    scrub_memory(decoded, sizeof decoded);
    return result;
}
