/* hex: hexadecimal digits, both ways. */
#ifndef BCRYPTD_HEX_H
#define BCRYPTD_HEX_H

#include <stddef.h>

/* The value of a digit, 0 to 15 in either case of its letter, or -1 for another character. */
int hex_value(char digit);

/* Writes two lower-case digits for each of length bytes, and a NUL: 2 * length + 1 bytes in all. */
void hex_encode(const char *bytes, size_t length, char *ret_hex);

#endif
