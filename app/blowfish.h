/* blowfish: the cipher below bcrypt (B. Schneier, 1994), for several keys at once. One bcrypt is a
 * chain of loads that each wait for the one before, and leaves most of a core idle; the ciphers of
 * several hashes, advanced side by side in one stream of instructions, fill those gaps.
 *
 * The table look-ups depend on the password, as bcrypt's definition has it; nothing else does: no
 * branch, and no number of rounds. */
#ifndef BCRYPTD_BLOWFISH_H
#define BCRYPTD_BLOWFISH_H

#include <stdint.h>

#define BLOWFISH_LANES_MAX 8
#define BLOWFISH_SUBKEYS 18
#define BLOWFISH_WORDS (BLOWFISH_SUBKEYS + 4 * 256)
#define BLOWFISH_SALT_WORDS 4

/* One cipher, with what the next expansions mix in. Ciphers that are advanced together stand side
 * by side in an array, so that each has a constant distance from the first. */
struct blowfish {
    union {
        struct {
            uint32_t subkey[BLOWFISH_SUBKEYS];
            uint32_t sbox[4][256];
        };
        uint32_t words[BLOWFISH_WORDS]; /* all of them, in the order in which they are replaced */
    };
    uint32_t key[BLOWFISH_SUBKEYS];
    uint32_t salt[BLOWFISH_SALT_WORDS];
};

/* The state of a cipher without a key: digits of pi. */
extern const uint32_t blowfish_pi[BLOWFISH_WORDS];

/* Encrypts the block of a left and a right half in place. */
void blowfish_encrypt(const struct blowfish *cipher, uint32_t block[static 2]);

/* Starts a cipher anew from its key and salt: bcrypt's ExpandKey(state, salt, key). */
void blowfish_set_up(struct blowfish *cipher);

/* Advances the first count (1 to BLOWFISH_LANES_MAX) ciphers by so many turns of bcrypt's loop:
 * ExpandKey(state, 0, key), ExpandKey(state, 0, salt). */
void blowfish_turn(struct blowfish *ciphers, unsigned count, unsigned turns);

#endif
