/* JSON bodies of both shapes: body_parse(). */
#include "body.h"
#include "property.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

static int parse(const char *text, size_t length, bool with_hash, struct body *ret) {
    static const struct body untouched;
    struct problem problem = {0};
    int result;

    memset(ret, 0, sizeof *ret);
    result = body_parse(text, length, with_hash, ret, &problem);
    PROPERTY((result == 0) == (problem.kind == PROBLEM_NONE));
    if (result == 0)
        return 0;
    property_problem(&problem);
    PROPERTY(memcmp(ret, &untouched, sizeof untouched) == 0);
    return -1;
}

/* Appends one character as JSON escapes. */
static size_t append_character(char *text, size_t size, wchar_t character) {
    const unsigned code = (unsigned)character;

    if (code < 0x10000)
        return (size_t)snprintf(text, size, "\\u%04x", code);
    return (size_t)snprintf(text, size, "\\u%04X\\u%04X", 0xd800 + ((code - 0x10000) >> 10),
                            0xdc00 + ((code - 0x10000) & 0x3ff));
}

/* Writes the password as JSON escapes; it must be UTF-8, says the C library. */
static size_t append_password(char *text, size_t size, const struct password *password) {
    size_t used = 0;
    size_t i = 0;

    while (i < password->length) {
        mbstate_t state = {0};
        wchar_t character;
        const size_t length =
            mbrtowc(&character, password->bytes + i, password->length - i, &state);

        PROPERTY(length >= 1 && length <= 4);
        used += append_character(text + used, size - used, character);
        i += length;
    }
    return used;
}

static bool is_same(const struct body *left, const struct body *right) {
    return left->password.length == right->password.length &&
           memcmp(left->password.bytes, right->password.bytes, left->password.length) == 0 &&
           left->has_cost == right->has_cost && left->cost == right->cost &&
           left->has_hash == right->has_hash && left->hash_cost == right->hash_cost &&
           strcmp(left->hash, right->hash) == 0;
}

/* The same fields written by this target are the same body. */
static void check_rewritten(const struct body *body, bool with_hash) {
    char text[2048] = "{\"password\":\"";
    size_t used = strlen(text);
    struct body again;

    used += append_password(text + used, sizeof text - used, &body->password);
    used += (size_t)snprintf(text + used, sizeof text - used, "\"");
    if (body->has_cost)
        used += (size_t)snprintf(text + used, sizeof text - used, ",\"cost\":%lld",
                                 (long long)body->cost);
    if (body->has_hash)
        used += (size_t)snprintf(text + used, sizeof text - used, ",\"hash\":\"%s\"", body->hash);
    used += (size_t)snprintf(text + used, sizeof text - used, "}");
    PROPERTY(parse(text, used, with_hash, &again) == 0);
    PROPERTY(is_same(body, &again));
}

/* White space around a body changes nothing; anything else behind it is refused. */
static void check_surroundings(const char *text, size_t length, bool with_hash,
                               const struct body *body) {
    static const char endings[] = {'\0', 'x', '{', '}', '"', ',', '\f', '\xff'};
    char copy[BODY_MAX];
    struct body again;

    if (length > BODY_MAX - 2)
        return;
    copy[0] = '\n';
    memcpy(copy + 1, text, length);
    copy[length + 1] = '\t';
    PROPERTY(parse(copy, length + 2, with_hash, &again) == 0);
    PROPERTY(is_same(body, &again));
    for (size_t i = 0; i < sizeof endings; i++) {
        copy[length + 1] = endings[i];
        PROPERTY(parse(copy, length + 2, with_hash, &again) < 0);
    }
}

static void check(const char *text, size_t length, bool with_hash) {
    struct body body;

    if (parse(text, length, with_hash, &body) < 0)
        return;
    PROPERTY(length <= BODY_MAX);
    PROPERTY(body.has_password);
    property_password(&body.password);
    PROPERTY(body.has_hash == with_hash);
    PROPERTY(!(with_hash && body.has_cost));
    if (with_hash) {
        PROPERTY(body.hash_cost >= 4 && body.hash_cost <= 31);
        PROPERTY(password_parse_hash(body.hash, strlen(body.hash)) == body.hash_cost);
    }
    check_rewritten(&body, with_hash);
    check_surroundings(text, length, with_hash, &body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool is_ready;

    if (!is_ready) {
        PROPERTY(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
        is_ready = true;
    }
    check((const char *)data, size, false);
    check((const char *)data, size, true);
    return 0;
}
