#include "questions.h"

#include <crypt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOWEST_COST 4

static void fail(const char *what) {
    perror(what);
    exit(2);
}

/* Bytes of few values in some passwords: repeated ones meet the $2a$ countermeasure, and the edges
 * of what is a character. */
static void draw_password(uint64_t *random, struct password *password) {
    static const char edges[] = "\x01\x7f\x80\xff";
    const bool few = questions_draw_below(random, 4) == 0;

    password->length = questions_draw_below(random, 8) == 0
                           ? PASSWORD_MAX
                           : 1 + questions_draw_below(random, PASSWORD_MAX);
    for (size_t i = 0; i < password->length; i++)
        password->bytes[i] = few ? edges[questions_draw_below(random, sizeof edges - 1)]
                                 : (char)(1 + questions_draw_below(random, 255));
    password->bytes[password->length] = '\0';
}

static void draw_setting(uint64_t *random, char *setting, size_t size) {
    static const char *const kinds[] = {"$2a$", "$2b$", "$2y$"};
    const unsigned long cost = LOWEST_COST + (questions_draw_below(random, 16) == 0);
    const uint64_t salt[2] = {questions_draw(random), questions_draw(random)};

    if (crypt_gensalt_rn(kinds[questions_draw_below(random, 3)], cost, (const char *)salt,
                         sizeof salt, setting, (int)size) == NULL)
        fail("crypt_gensalt_rn");
}

void questions_next(uint64_t *random, struct question *ret) {
    static struct crypt_data work;
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash;

    memset(ret, 0, sizeof *ret);
    draw_password(random, &ret->password);
    draw_setting(random, setting, sizeof setting);
    hash = crypt_rn(ret->password.bytes, setting, &work, (int)sizeof work);
    if (hash == NULL || strlen(hash) != PASSWORD_HASH_LEN)
        fail("crypt_rn");
    strcpy(ret->hash, hash);
}
