/* Raw request URIs: route_find() and route_decode_password(). */
#include "property.h"
#include "route.h"

#include <ctype.h>
#include <string.h>

#define PREFIX "/gethash/"

static bool is_escape(const char *text) {
    return text[0] == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2]);
}

/* What a rest means, worked out in another way than the program's: in place of lengths and
 * buffers one pass that stops at the first fault. Returns the kind, and the password when none. */
static enum problem_kind expected_kind(const char *rest, struct password *ret) {
    size_t length = 0;
    bool has_nul = false;
    bool is_broken = false;

    if (strchr(rest, '?') != NULL)
        return PROBLEM_MALFORMED;
    while (*rest != '\0' && strcmp(rest, "/") != 0) {
        char byte = *rest;

        if (byte == '/')
            return PROBLEM_NOT_FOUND;
        if (byte == '%' && !is_escape(rest))
            is_broken = true;
        if (is_escape(rest)) {
            byte = (char)strtol((const char[]){rest[1], rest[2], '\0'}, NULL, 16);
            rest += 2;
        }
        rest++;
        has_nul = has_nul || byte == '\0';
        if (length < PASSWORD_MAX)
            ret->bytes[length] = byte;
        length++;
    }
    if (is_broken)
        return PROBLEM_MALFORMED;
    if (has_nul || length == 0 || length > PASSWORD_MAX)
        return PROBLEM_UNPROCESSABLE_PASSWORD;
    ret->bytes[length] = '\0';
    ret->length = length;
    return PROBLEM_NONE;
}

/* Every byte written as an escape is the same password. */
static void check_encoding(const struct password *password) {
    char text[3 * PASSWORD_MAX + 2];
    struct problem problem = {0};
    struct password again = {0};
    size_t used = 0;

    for (size_t i = 0; i < password->length; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, i % 2 != 0 ? "%%%02x" : "%%%02X",
                                 (unsigned)(unsigned char)password->bytes[i]);
    for (int slash = 0; slash < 2; slash++) {
        PROPERTY(route_decode_password(text, &again, &problem) == 0);
        PROPERTY(again.length == password->length);
        PROPERTY(memcmp(again.bytes, password->bytes, password->length) == 0);
        strcpy(text + used, "/");
    }
}

static void check_rest(const char *rest) {
    static const struct password untouched;
    struct password password = {0};
    struct password expected = {0};
    struct problem problem = {0};
    const int result = route_decode_password(rest, &password, &problem);
    const enum problem_kind kind = expected_kind(rest, &expected);

    PROPERTY((result == 0) == (problem.kind == PROBLEM_NONE));
    if (result == 0) {
        PROPERTY(kind == PROBLEM_NONE);
        property_password(&password);
        PROPERTY(password.length == expected.length);
        PROPERTY(memcmp(password.bytes, expected.bytes, expected.length) == 0);
        check_encoding(&password);
        return;
    }
    property_problem(&problem);
    PROPERTY(memcmp(&password, &untouched, sizeof password) == 0);
    /* A path past the decoder's buffer is too long whatever stands in it. */
    PROPERTY(problem.kind == kind ||
             (strlen(rest) > 4096 && problem.kind == PROBLEM_UNPROCESSABLE_PASSWORD));
}

static bool is_path(const char *uri, const char *path) {
    return strcspn(uri, "?") == strlen(path) && strncmp(uri, path, strlen(path)) == 0;
}

static void check_uri(const char *uri) {
    const char *rest = uri;
    const enum stats_route route = route_find(uri, &rest);

    PROPERTY((route == STATS_GETHASH) == (strncmp(uri, PREFIX, strlen(PREFIX)) == 0));
    PROPERTY((route == STATS_HASH) == is_path(uri, "/v1/hash"));
    PROPERTY((route == STATS_VERIFY) == is_path(uri, "/v1/verify"));
    PROPERTY(rest == (route == STATS_GETHASH ? uri + strlen(PREFIX) : NULL));
    if (rest != NULL)
        check_rest(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* A copy of its own length, so that a read past its end is seen. */
    char *uri = malloc(strlen(PREFIX) + size + 1);

    memcpy(uri, data, size);
    uri[size] = '\0';
    check_uri(uri);
    memcpy(uri, PREFIX, strlen(PREFIX));
    memcpy(uri + strlen(PREFIX), data, size);
    uri[strlen(PREFIX) + size] = '\0';
    check_uri(uri);
    free(uri);
    return 0;
}
