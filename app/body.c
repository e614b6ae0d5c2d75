#include "body.h"

#include "hex.h"
#include "scrub.h"

#include <json-c/json.h>
#include <string.h>

#define DEPTH_MAX 4

/* The code unit of a \uXXXX escape that starts at text, or -1 when there is none. */
static long code_unit(const char *text, size_t length) {
    long unit = 0;

    if (length < 6 || text[0] != '\\' || text[1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        if (hex_value(text[i]) < 0)
            return -1;
        unit = unit * 16 + hex_value(text[i]);
    }
    return unit;
}

static bool is_high_surrogate(long unit) {
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(long unit) {
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* True when an escape stands for half a character. json-c would put U+FFFD in its place, and so
 * hash another password than the one that was sent. */
static bool has_lone_surrogate(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        long unit;

        if (text[i] != '\\')
            continue;
        unit = code_unit(text + i, length - i);
        if (is_low_surrogate(unit))
            return true;
        if (is_high_surrogate(unit)) {
            if (length - i < 12 || !is_low_surrogate(code_unit(text + i + 6, length - i - 6)))
                return true;
            i += 11;
        } else {
            i++; /* the escaped character, which may be a backslash */
        }
    }
    return false;
}

static struct json_object *parse_json(const char *text, size_t length) {
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *value = NULL;

    if (tokener == NULL)
        return NULL;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    value = json_tokener_parse_ex(tokener, text, (int)length);
    if (json_tokener_get_error(tokener) != json_tokener_success) {
        json_object_put(value);
        value = NULL;
    }
    json_tokener_free(tokener);
    return value;
}

static int take_password(struct json_object *value, struct body *body, struct problem *problem) {
    if (!json_object_is_type(value, json_type_string))
        return problem_set(problem, PROBLEM_MALFORMED, "The field \"password\" must be a string.");
    body->has_password = true;
    return password_set(&body->password, json_object_get_string(value),
                        (size_t)json_object_get_string_len(value), problem);
}

static int take_cost(struct json_object *value, struct body *body, struct problem *problem) {
    if (!json_object_is_type(value, json_type_int))
        return problem_set(problem, PROBLEM_MALFORMED, "The field \"cost\" must be an integer.");
    body->has_cost = true;
    body->cost = json_object_get_int64(value);
    return 0;
}

static int take_hash(struct json_object *value, struct body *body, struct problem *problem) {
    if (!json_object_is_type(value, json_type_string))
        return problem_set(problem, PROBLEM_MALFORMED, "The field \"hash\" must be a string.");
    body->hash_cost = password_parse_hash(json_object_get_string(value),
                                          (size_t)json_object_get_string_len(value));
    if (body->hash_cost < 0)
        return problem_set(problem, PROBLEM_UNPROCESSABLE_HASH,
                           "The field \"hash\" is not a bcrypt hash: $2a$, $2b$ or $2y$, a cost "
                           "from 04 to 31, and 53 characters.");
    body->has_hash = true;
    memcpy(body->hash, json_object_get_string(value), PASSWORD_HASH_LEN + 1);
    return 0;
}

static int take_fields(struct json_object *object, bool with_hash, struct body *body,
                       struct problem *problem) {
    json_object_object_foreach(object, name, value) {
        int result;

        if (strcmp(name, "password") == 0)
            result = take_password(value, body, problem);
        else if (with_hash && strcmp(name, "hash") == 0)
            result = take_hash(value, body, problem);
        else if (!with_hash && strcmp(name, "cost") == 0)
            result = take_cost(value, body, problem);
        else
            result = problem_set(problem, PROBLEM_MALFORMED,
                                 "The body has an unknown field; known are \"password\" and "
                                 "\"%s\".",
                                 with_hash ? "hash" : "cost");
        if (result < 0)
            return result;
    }
    if (!body->has_password)
        return problem_set(problem, PROBLEM_MALFORMED, "The field \"password\" is missing.");
    if (with_hash && !body->has_hash)
        return problem_set(problem, PROBLEM_MALFORMED, "The field \"hash\" is missing.");
    return 0;
}

int body_parse(const char *text, size_t length, bool with_hash, struct body *ret,
               struct problem *problem) {
    struct json_object *object = NULL;
    struct body body = {0};
    int result;

    if (length > BODY_MAX)
        return problem_set(problem, PROBLEM_TOO_LARGE, "The body has more than %d bytes.",
                           BODY_MAX);
    if (has_lone_surrogate(text, length))
        return problem_set(problem, PROBLEM_MALFORMED,
                           "The body has a \\u escape that stands for half a character.");
    object = parse_json(text, length);
    if (!json_object_is_type(object, json_type_object))
        result = problem_set(problem, PROBLEM_MALFORMED,
                             "The body is not one JSON object in valid UTF-8.");
    else
        result = take_fields(object, with_hash, &body, problem);
    json_object_put(object);
    if (result == 0)
        *ret = body;
    scrub_memory(&body, sizeof body);
    return result;
}
