/* questions: random passwords and settings with the right answers, for programs that compare an
 * engine with libxcrypt. There are two modules for it: questions_libxcrypt.c draws them and asks
 * libxcrypt; questions_file.c reads what make_questions has written, for a machine whose libxcrypt
 * is not at hand. */
#ifndef BCRYPTD_TESTS_QUESTIONS_H
#define BCRYPTD_TESTS_QUESTIONS_H

#include "password.h"

#include <stdint.h>

struct question {
    struct password password;
    char hash[PASSWORD_HASH_LEN + 1]; /* its setting is in it */
};

/* The next number of a random sequence: SplitMix64 (G. Steele, D. Lea, C. Flood, 2014). */
static inline uint64_t questions_draw(uint64_t *random) {
    uint64_t mixed = *random += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static inline unsigned questions_draw_below(uint64_t *random, unsigned bound) {
    return (unsigned)(questions_draw(random) % bound);
}

/* The next question, or an end of the program with a message: exit code 2. */
void questions_next(uint64_t *random, struct question *ret);

#endif
