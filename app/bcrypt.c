#include "bcrypt.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SALT_START 7 /* behind "$2b$12$" */
#define SALT_CHARACTERS (PASSWORD_SETTING_LEN - SALT_START)
#define SALT_SIZE 16
#define TEXT_WORDS 6
#define TEXT_ENCRYPTIONS 64
#define HASH_SIZE 23 /* of the 24 bytes; as the first implementation had it */

static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* The number that a character of bcrypt's base 64 stands for, or -1. */
static int digit_value(char character) {
    const char *found = character != '\0' ? strchr(alphabet, character) : NULL;

    return found != NULL ? (int)(found - alphabet) : -1;
}

/* Four characters hold three bytes, from the highest bits down. Returns false when one of the
 * characters is none of the alphabet. */
static bool decode(const char *text, unsigned char *bytes, size_t size) {
    unsigned bits = 0;
    unsigned count = 0;

    for (size_t written = 0; written < size; text++) {
        const int value = digit_value(*text);

        if (value < 0)
            return false;
        bits = bits << 6 | (unsigned)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[written++] = (unsigned char)(bits >> count);
        }
    }
    return true;
}

/* Bits that are missing at the end count as zero. */
static void encode(const unsigned char *bytes, size_t size, char *text) {
    unsigned bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6)
            *text++ = alphabet[bits >> (count - 6) & 0x3f];
    }
    if (count > 0)
        *text++ = alphabet[bits << (6 - count) & 0x3f];
    *text = '\0';
}

static uint32_t read_word(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_word(uint32_t word, unsigned char *bytes) {
    bytes[0] = (unsigned char)(word >> 24);
    bytes[1] = (unsigned char)(word >> 16);
    bytes[2] = (unsigned char)(word >> 8);
    bytes[3] = (unsigned char)word;
}

/* The password with its NUL, over and over, until the subkeys are full. */
static void mix_password(const struct password *password, uint32_t key[static BLOWFISH_SUBKEYS]) {
    const size_t period = password->length + 1;
    size_t position = 0;

    for (unsigned i = 0; i < BLOWFISH_SUBKEYS; i++) {
        uint32_t word = 0;

        for (unsigned byte = 0; byte < 4; byte++) {
            word = word << 8 | (unsigned char)password->bytes[position];
            position = position + 1 == period ? 0 : position + 1;
        }
        key[i] = word;
    }
}

/* A word's bytes as the bug behind $2x$ mixed them: each with its sign, which overwrites the bytes
 * before it. */
static uint32_t sign_extended(uint32_t word) {
    uint32_t mixed = 0;

    for (unsigned shift = 32; shift > 0; shift -= 8) {
        const uint32_t byte = word >> (shift - 8) & 0xff;

        mixed = mixed << 8 | byte | (0U - (byte >> 7)) << 8;
    }
    return mixed;
}

/* The countermeasure of $2a$: libxcrypt makes sure that a password whose key is the same with the
 * bug and without it, although a sign was extended over a byte, does not have the hash that the
 * bug gave it: one bit of the first subkey is turned at the start. Free of branches: a key is
 * secret. */
static uint32_t collision_mark(const uint32_t key[static BLOWFISH_SUBKEYS]) {
    uint32_t difference = 0;
    uint32_t extended = 0;

    for (unsigned i = 0; i < BLOWFISH_SUBKEYS; i++) {
        difference |= key[i] ^ sign_extended(key[i]);
        /* The first byte of a word has none before it. */
        extended |= key[i] & 0x00808080;
    }
    /* x | -x has its highest bit set unless x is 0. */
    return ~(difference | (0U - difference)) >> 31 & (extended | (0U - extended)) >> 31;
}

/* Takes "$2b$12$" and what follows apart. */
static int parse(const char *setting, unsigned char salt[static SALT_SIZE], uint64_t *ret_turns) {
    unsigned cost;

    if (strnlen(setting, PASSWORD_SETTING_LEN) < PASSWORD_SETTING_LEN || setting[0] != '$' ||
        setting[1] != '2' || strchr("aby", setting[2]) == NULL || setting[3] != '$' ||
        setting[4] < '0' || setting[4] > '3' || setting[5] < '0' || setting[5] > '9' ||
        setting[6] != '$')
        return -EINVAL;
    cost = (unsigned)(setting[4] - '0') * 10 + (unsigned)(setting[5] - '0');
    if (cost < 4 || cost > 31 || !decode(setting + SALT_START, salt, SALT_SIZE))
        return -EINVAL;
    *ret_turns = UINT64_C(1) << cost;
    return 0;
}

int bcrypt_begin(struct blowfish *cipher, const struct password *password, const char *setting,
                 uint64_t *ret_turns) {
    unsigned char salt[SALT_SIZE];
    uint32_t mark = 0;
    const int result = parse(setting, salt, ret_turns);

    if (result < 0)
        return result;
    mix_password(password, cipher->key);
    for (unsigned i = 0; i < BLOWFISH_SALT_WORDS; i++)
        cipher->salt[i] = read_word(salt + sizeof(uint32_t) * i);
    if (setting[2] == 'a')
        mark = collision_mark(cipher->key) << 16;
    cipher->key[0] ^= mark;
    blowfish_set_up(cipher);
    cipher->key[0] ^= mark;
    return 0;
}

void bcrypt_end(const struct blowfish *cipher, const char *setting,
                char ret_hash[static PASSWORD_HASH_LEN + 1]) {
    static const char text[sizeof(uint32_t) * TEXT_WORDS + 1] = "OrpheanBeholderScryDoubt";
    unsigned char bytes[sizeof(uint32_t) * TEXT_WORDS];

    for (size_t i = 0; i < sizeof bytes; i += 2 * sizeof(uint32_t)) {
        const unsigned char *from = (const unsigned char *)text + i;
        uint32_t block[2] = {read_word(from), read_word(from + sizeof(uint32_t))};

        for (unsigned j = 0; j < TEXT_ENCRYPTIONS; j++)
            blowfish_encrypt(cipher, block);
        write_word(block[0], bytes + i);
        write_word(block[1], bytes + i + sizeof(uint32_t));
    }
    memcpy(ret_hash, setting, PASSWORD_SETTING_LEN);
    /* The salt's last character has four bits that no byte of it needs; they are given out as 0. */
    ret_hash[PASSWORD_SETTING_LEN - 1] =
        alphabet[digit_value(setting[PASSWORD_SETTING_LEN - 1]) & 0x30];
    encode(bytes, HASH_SIZE, ret_hash + PASSWORD_SETTING_LEN);
}
