/* Questions from the standard input: lines of a password in hexadecimal digits and a hash. */
#include "questions.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_password(const char *digits, struct password *password) {
    for (; digits[0] != '\0' && password->length < PASSWORD_MAX; digits += 2) {
        unsigned byte;

        if (sscanf(digits, "%2x", &byte) != 1)
            return false;
        password->bytes[password->length++] = (char)byte;
    }
    return password->length > 0 && digits[0] == '\0';
}

void questions_next(uint64_t *random, struct question *ret) {
    char digits[2 * PASSWORD_MAX + 1];

    (void)random;
    memset(ret, 0, sizeof *ret);
    if (scanf("%144s %60s", digits, ret->hash) == 2 && read_password(digits, &ret->password) &&
        strlen(ret->hash) == PASSWORD_HASH_LEN)
        return;
    fputs("questions: there are no more, or one is broken\n", stderr);
    exit(2);
}
