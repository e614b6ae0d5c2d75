/* make_questions COUNT SEED: writes so many questions, a line each, for questions_file.c. */
#include "questions.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char *argv[]) {
    unsigned long count;
    uint64_t random;

    if (argc != 3) {
        fputs("usage: make_questions COUNT SEED\n", stderr);
        return 2;
    }
    count = strtoul(argv[1], NULL, 10);
    random = strtoull(argv[2], NULL, 10);
    while (count-- > 0) {
        struct question question;

        questions_next(&random, &question);
        for (size_t i = 0; i < question.password.length; i++)
            printf("%02x", (unsigned char)question.password.bytes[i]);
        printf(" %s\n", question.hash);
    }
    return EXIT_SUCCESS;
}
