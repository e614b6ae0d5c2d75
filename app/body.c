#include "body.h"

#include "jsontext.h"
#include "scrub.h"

#include <json-c/json.h>
#include <string.h>

#define DEPTH_MAX 4

static struct json_object *parse_json(const char *text, size_t length) {
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *value = NULL;

    if (tokener == NULL)
        return NULL;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
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

/* text is prepared for json-c and has so many members. */
static int parse_prepared(const char *text, size_t length, unsigned members, bool with_hash,
                          struct body *body, struct problem *problem) {
    struct json_object *object = parse_json(text, length);
    int result;

    if (!json_object_is_type(object, json_type_object))
        result = problem_set(problem, PROBLEM_MALFORMED, "The body is not one JSON object.");
    else if ((unsigned)json_object_object_length(object) != members)
        result = problem_set(problem, PROBLEM_MALFORMED, "The body has a field twice.");
    else
        result = take_fields(object, with_hash, body, problem);
    json_object_put(object);
    return result;
}

int body_parse(const char *text, size_t length, bool with_hash, struct body *ret,
               struct problem *problem) {
    char prepared[BODY_MAX];
    struct body body = {0};
    const char *error = NULL;
    unsigned members = 0;
    long prepared_length;
    int result;

    if (length > BODY_MAX)
        return problem_set(problem, PROBLEM_TOO_LARGE, "The body has more than %d bytes.",
                           BODY_MAX);
    prepared_length = jsontext_prepare(text, length, prepared, &members, &error);
    if (prepared_length < 0)
        result = problem_set(problem, PROBLEM_MALFORMED, "%s", error);
    else
        result =
            parse_prepared(prepared, (size_t)prepared_length, members, with_hash, &body, problem);
    if (result == 0)
        *ret = body;
    scrub_memory(&body, sizeof body);
    scrub_memory(prepared, sizeof prepared);
    return result;
}
