#include "hex.h"

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

void hex_encode(const char *bytes, size_t length, char *ret_hex) {
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        ret_hex[2 * i] = digits[(unsigned char)bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[(unsigned char)bytes[i] & 15];
    }
    ret_hex[2 * length] = '\0';
}
