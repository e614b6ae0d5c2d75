#include "reply.h"

#include "hex.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define STATUS_CLIENT_GONE 499
#define HEAD_SIZE 256
#define HEX_SIZE (2 * PASSWORD_HASH_LEN + 1)

/* Sends a JSON object and frees it. */
static unsigned send_json(struct fcgi_connection *connection, unsigned status, const char *head,
                          struct json_object *object) {
    size_t length = 0;
    const char *text = json_object_to_json_string_length(
        object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
    const int result = text != NULL ? fcgi_reply(connection, head, text, length) : -ENOMEM;

    json_object_put(object);
    return result == 0 ? status : STATUS_CLIENT_GONE;
}

static void add_text(struct json_object *object, const char *name, const char *text) {
    json_object_object_add(object, name, json_object_new_string(text));
}

static struct json_object *gethash_body(const char *hash) {
    struct json_object *object = json_object_new_object();
    char hex[HEX_SIZE];

    hex_encode(hash, PASSWORD_SETTING_LEN, hex);
    add_text(object, "salt", hex);
    hex_encode(hash, PASSWORD_HASH_LEN, hex);
    add_text(object, "hash", hex);
    return object;
}

static struct json_object *hash_body(const char *hash, unsigned cost) {
    struct json_object *object = json_object_new_object();
    char salt[PASSWORD_SETTING_LEN + 1] = "";

    memcpy(salt, hash, PASSWORD_SETTING_LEN);
    add_text(object, "hash", hash);
    add_text(object, "salt", salt);
    json_object_object_add(object, "cost", json_object_new_int64(cost));
    return object;
}

static struct json_object *verify_body(const char *hash, const char *expected, unsigned cost) {
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "match",
                           json_object_new_boolean(password_equal(hash, expected)));
    json_object_object_add(object, "needs_rehash",
                           json_object_new_boolean(password_needs_rehash(expected, cost)));
    return object;
}

unsigned reply_hash(struct fcgi_connection *connection, const struct request *request,
                    const struct options *options, const char *hash) {
    static const char head[] = "Status: 200 OK\r\n"
                               "Content-Type: application/json\r\n"
                               "Cache-Control: no-store\r\n";

    switch (request->route) {
    case STATS_GETHASH:
        return send_json(connection, 200, head, gethash_body(hash));
    case STATS_VERIFY:
        return send_json(connection, 200, head, verify_body(hash, request->setting, options->cost));
    default:
        return send_json(connection, 200, head, hash_body(hash, request->cost));
    }
}

unsigned reply_problem(struct fcgi_connection *connection, const char *request_id,
                       const struct problem *problem) {
    const unsigned status = problem_status(problem->kind);
    struct json_object *object = json_object_new_object();
    char type[64];
    char head[HEAD_SIZE];
    int used;

    used = snprintf(head, sizeof head,
                    "Status: %u %s\r\n"
                    "Content-Type: application/problem+json\r\n"
                    "Cache-Control: no-store\r\n",
                    status, problem_title(problem->kind));
    if (problem->kind == PROBLEM_OVERLOADED)
        used += snprintf(head + used, sizeof head - (size_t)used, "Retry-After: 1\r\n");
    if (problem->allow != NULL)
        snprintf(head + used, sizeof head - (size_t)used, "Allow: %s\r\n", problem->allow);
    snprintf(type, sizeof type, "/problems/%s", problem_slug(problem->kind));
    add_text(object, "type", type);
    add_text(object, "title", problem_title(problem->kind));
    json_object_object_add(object, "status", json_object_new_int64(status));
    add_text(object, "detail", problem->detail);
    add_text(object, "request_id", request_id);
    return send_json(connection, status, head, object);
}
