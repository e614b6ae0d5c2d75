/* body: the JSON bodies of POST /v1/hash and POST /v1/verify. */
#ifndef BCRYPTD_BODY_H
#define BCRYPTD_BODY_H

#include "password.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BODY_MAX 4096

/* The fields a body may hold; the flags tell which it did. */
struct body {
    struct password password;
    bool has_password;
    int64_t cost;
    bool has_cost;
    char hash[PASSWORD_HASH_LEN + 1];
    int hash_cost;
    bool has_hash;
};

/* Parses {"password": string, "cost": integer} or, when with_hash is set, {"password": string,
 * "hash": string}. Strict: one JSON object in valid UTF-8, known fields of the right type only,
 * and no escape that stands for half a character. Returns 0, or -1 with the problem set; what was
 * read is wiped then. The caller wipes ret after use. */
int body_parse(const char *text, size_t length, bool with_hash, struct body *ret,
               struct problem *problem);

#endif
