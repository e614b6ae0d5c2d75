#include "property.h"

#include "details.h"

#include <string.h>

void property_password(const struct password *password) {
    PROPERTY(password->length >= 1 && password->length <= PASSWORD_MAX);
    PROPERTY(strlen(password->bytes) == password->length);
}

void property_problem(const struct problem *problem) {
    PROPERTY(problem->kind > PROBLEM_NONE && problem->kind < PROBLEM_KINDS);
    PROPERTY(problem_status(problem->kind) >= 400 && problem_status(problem->kind) < 500);
    PROPERTY(memchr(problem->detail, '\0', sizeof problem->detail) != NULL);
    PROPERTY(details_known(problem->detail));
}
