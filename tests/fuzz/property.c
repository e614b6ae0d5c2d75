#include "property.h"

#include "client.h"
#include "details.h"
#include "fcgi.h"

#include <string.h>

int property_listen(struct options *ret_options) {
    char program[] = "bcryptd";
    char *const argv[] = {program, NULL};
    char error[OPTIONS_ERROR_SIZE];
    enum options_action action;

    PROPERTY(options_load(1, argv, ret_options, &action, error) == 0);
    PROPERTY(fcgi_init() == 0);
    return client_listen(1);
}

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
