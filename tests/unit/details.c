#include "details.h"

#include <ctype.h>
#include <stddef.h>

/* '#' stands for a number, which may be negative. */
static const char *const sentences[] = {
    "A '%' in the path is not followed by two hexadecimal digits.",
    "No random salt could be made.",
    "Nothing is below a password; write a '/' in it as %2F.",
    "The Content-Type must be application/json.",
    "The body did not arrive whole.",
    "The body has a NUL byte.",
    "The body has a control character in a string that is not escaped.",
    "The body has a field twice.",
    "The body has a name or string in single quotes.",
    "The body has a field whose name holds a NUL.",
    "The body has a \\u escape that stands for half a character.",
    "The body has an unknown field; known are \"password\" and \"cost\".",
    "The body has an unknown field; known are \"password\" and \"hash\".",
    "The body has more than # bytes.",
    "The body is not one JSON object.",
    "The body is not valid UTF-8.",
    "The cost must be from # to #.",
    "The field \"cost\" must be an integer.",
    "The field \"hash\" is missing.",
    ("The field \"hash\" is not a bcrypt hash: $2a$, $2b$ or $2y$, a cost from 04 to 31, and 53 "
     "characters."),
    "The field \"hash\" must be a string.",
    "The field \"password\" is missing.",
    "The field \"password\" must be a string.",
    "The hash could not be computed.",
    "The hash has cost #; this service computes at most #.",
    "The password has # bytes; bcrypt holds # and ignores the rest.",
    "The password holds a NUL byte; bcrypt ignores all from there on.",
    "The password is empty.",
    "The password is longer than the # bytes that bcrypt holds.",
    "The request waited too long; try again.",
    "There is nothing at this path.",
    "This route serves GET only.",
    "This route serves POST only.",
    "This route takes no query; send the fields as JSON in the body.",
    "This route takes no query; write a '?' in the password as %3F.",
};

static bool matches(const char *text, const char *sentence) {
    for (; *sentence != '\0'; sentence++) {
        if (*sentence != '#') {
            if (*text++ != *sentence)
                return false;
            continue;
        }
        if (*text == '-')
            text++;
        if (!isdigit((unsigned char)*text))
            return false;
        while (isdigit((unsigned char)*text))
            text++;
    }
    return *text == '\0';
}

bool details_known(const char *detail) {
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (matches(detail, sentences[i]))
            return true;
    return false;
}
