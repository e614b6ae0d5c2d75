#include "password.h"

#include <crypt.h>
#include <errno.h>
#include <string.h>

static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

int password_set(struct password *ret, const char *bytes, size_t length, struct problem *problem) {
    if (length == 0)
        return problem_set(problem, PROBLEM_UNPROCESSABLE_PASSWORD, "The password is empty.");
    if (length > PASSWORD_MAX)
        return problem_set(problem, PROBLEM_UNPROCESSABLE_PASSWORD,
                           "The password has %zu bytes; bcrypt holds %d and ignores the rest.",
                           length, PASSWORD_MAX);
    if (memchr(bytes, '\0', length) != NULL)
        return problem_set(problem, PROBLEM_UNPROCESSABLE_PASSWORD,
                           "The password holds a NUL byte; bcrypt ignores all from there on.");
    memcpy(ret->bytes, bytes, length);
    ret->bytes[length] = '\0';
    ret->length = length;
    return 0;
}

int password_new_setting(unsigned cost, char ret_setting[static PASSWORD_SETTING_LEN + 1]) {
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];

    /* libxcrypt would read cost 0 as its default; no random bytes given means the system's. */
    if (cost < 4 || cost > 31)
        return -EINVAL;
    if (crypt_gensalt_rn("$2b$", cost, NULL, 0, setting, sizeof setting) == NULL)
        return errno != 0 ? -errno : -EINVAL;
    if (strlen(setting) != PASSWORD_SETTING_LEN)
        return -EINVAL;
    memcpy(ret_setting, setting, PASSWORD_SETTING_LEN + 1);
    return 0;
}

static bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

int password_parse_hash(const char *text, size_t length) {
    int cost;

    if (length != PASSWORD_HASH_LEN || text[0] != '$' || text[1] != '2' || text[3] != '$' ||
        text[6] != '$')
        return -1;
    if (text[2] != 'a' && text[2] != 'b' && text[2] != 'y')
        return -1;
    if (!is_digit(text[4]) || !is_digit(text[5]))
        return -1;
    for (size_t i = 7; i < length; i++)
        if (text[i] == '\0' || strchr(alphabet, text[i]) == NULL)
            return -1;
    cost = (text[4] - '0') * 10 + (text[5] - '0');
    return cost >= 4 && cost <= 31 ? cost : -1;
}

bool password_equal(const char *left, const char *right) {
    volatile unsigned char difference = 0;

    for (size_t i = PASSWORD_SETTING_LEN; i < PASSWORD_HASH_LEN; i++)
        difference = (unsigned char)(difference | (left[i] ^ right[i]));
    return difference == 0;
}

bool password_needs_rehash(const char *hash, unsigned cost) {
    const int hash_cost = password_parse_hash(hash, strlen(hash));

    return hash_cost < 0 || hash[2] != 'b' || (unsigned)hash_cost < cost;
}
