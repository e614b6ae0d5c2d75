/* jsontext: holds a JSON text to RFC 8259 where json-c does not, before json-c reads it.
 *
 * json-c 0.16 takes overlong UTF-8, raw control characters and names in single quotes, ends at a
 * NUL byte, cuts a name at an escaped one, lets the last of two equal names win, and decodes some
 * pairs of surrogate escapes (U+2D800 for one) as U+FFFD: each of them hashes something else than
 * was sent. */
#ifndef BCRYPTD_JSONTEXT_H
#define BCRYPTD_JSONTEXT_H

#include <stddef.h>

/* Checks text and copies it to ret_text, which has room for length bytes, with each pair of
 * surrogate escapes replaced by its character in UTF-8. *ret_members is the number of members of
 * the outermost object, equal names counted as often as they stand. The rest of the syntax is left
 * to json-c. Returns the copy's length, or -1 with a fixed text for people in *ret_error. */
long jsontext_prepare(const char *text, size_t length, char *ret_text, unsigned *ret_members,
                      const char **ret_error);

#endif
