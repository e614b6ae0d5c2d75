/* The loop that nearly all of the CPU's time goes into. How it is written matters; each point is
 * measured by bcryptd --benchmark:
 * - the lanes are spelled out by macros, in code of its own for each number of them, because
 *   compilers do not agree on which loops they unroll;
 * - each round stands for all lanes before the next round;
 * - the S-boxes are arrays of arrays: where they are computed from a pointer, gcc 12 spills
 * registers;
 * - halves are kept in 64 bits, which saves an instruction for each look-up;
 * - a subkey is mixed in before F's result is there, so that it is not in the chain that all waits
 *   for;
 * - the compiler must not put two halves into one vector register (see CMakeLists.txt). */
#include "blowfish.h"

#include <string.h>

/* Blowfish's F. half has 32 significant bits. */
#define F(cipher, half)                                                                            \
    ((((cipher)->sbox[0][(half) >> 24] + (cipher)->sbox[1][(uint8_t)((half) >> 16)]) ^             \
      (cipher)->sbox[2][(uint8_t)((half) >> 8)]) +                                                 \
     (cipher)->sbox[3][(uint8_t)(half)])

void blowfish_encrypt(const struct blowfish *cipher, uint32_t block[static 2]) {
    uint32_t left = block[0] ^ cipher->subkey[0];
    uint32_t right = block[1];

    for (unsigned round = 1; round <= 16; round += 2) {
        right = right ^ cipher->subkey[round] ^ F(cipher, left);
        left = left ^ cipher->subkey[round + 1] ^ F(cipher, right);
    }
    block[0] = right ^ cipher->subkey[17];
    block[1] = left;
}

/* Words of a key or salt, over and over, into the subkeys. */
static void mix(struct blowfish *cipher, const uint32_t *words, unsigned count) {
    for (unsigned i = 0; i < BLOWFISH_SUBKEYS; i++)
        cipher->subkey[i] ^= words[i % count];
}

void blowfish_set_up(struct blowfish *cipher) {
    uint32_t block[2] = {0, 0};

    memcpy(cipher->words, blowfish_pi, sizeof cipher->words);
    mix(cipher, cipher->key, BLOWFISH_SUBKEYS);
    for (unsigned i = 0; i < BLOWFISH_WORDS; i += 2) {
        block[0] ^= cipher->salt[i % BLOWFISH_SALT_WORDS];
        block[1] ^= cipher->salt[i % BLOWFISH_SALT_WORDS + 1];
        blowfish_encrypt(cipher, block);
        cipher->words[i] = block[0];
        cipher->words[i + 1] = block[1];
    }
}

/* FOR_n(DO) is DO(0) DO(1) … DO(n - 1): a step for each of n lanes. */
#define FOR_1(DO) DO(0)
#define FOR_2(DO) FOR_1(DO) DO(1)
#define FOR_3(DO) FOR_2(DO) DO(2)
#define FOR_4(DO) FOR_3(DO) DO(3)
#define FOR_5(DO) FOR_4(DO) DO(4)
#define FOR_6(DO) FOR_5(DO) DO(5)
#define FOR_7(DO) FOR_6(DO) DO(6)
#define FOR_8(DO) FOR_7(DO) DO(7)

/* The steps. A lane's halves are in variables of its own. */
#define MIX_KEY(lane) mix(&ciphers[lane], ciphers[lane].key, BLOWFISH_SUBKEYS);
#define MIX_SALT(lane) mix(&ciphers[lane], ciphers[lane].salt, BLOWFISH_SALT_WORDS);
#define BEGIN(lane)                                                                                \
    uint64_t left##lane = 0;                                                                       \
    uint64_t right##lane = 0;
#define WHITEN(lane) left##lane ^= ciphers[lane].subkey[0];
#define ODD_ROUND(lane)                                                                            \
    right##lane = right##lane ^ ciphers[lane].subkey[ROUND] ^ F(&ciphers[lane], left##lane);
#define EVEN_ROUND(lane)                                                                           \
    left##lane = left##lane ^ ciphers[lane].subkey[ROUND + 1] ^ F(&ciphers[lane], right##lane);
/* Blowfish ends with its halves changed over. */
#define STORE(lane)                                                                                \
    {                                                                                              \
        const uint64_t last = right##lane ^ ciphers[lane].subkey[17];                              \
                                                                                                   \
        right##lane = left##lane;                                                                  \
        left##lane = last;                                                                         \
        ciphers[lane].words[word] = (uint32_t)left##lane;                                          \
        ciphers[lane].words[word + 1] = (uint32_t)right##lane;                                     \
    }
#define TWO_ROUNDS(n, round)                                                                       \
    {                                                                                              \
        enum { ROUND = (round) };                                                                  \
                                                                                                   \
        FOR_##n(ODD_ROUND) FOR_##n(EVEN_ROUND)                                                     \
    }

/* For n lanes: replaces all words by a chain of encryptions of zeros, each with what the ones
 * before it left; and the turns, which do so twice. */
#define DEFINE_LANES(n)                                                                            \
    static void replace_##n(struct blowfish *ciphers) {                                            \
        FOR_##n(BEGIN);                                                                            \
        for (unsigned word = 0; word < BLOWFISH_WORDS; word += 2) {                                \
            FOR_##n(WHITEN);                                                                       \
            TWO_ROUNDS(n, 1) TWO_ROUNDS(n, 3) TWO_ROUNDS(n, 5) TWO_ROUNDS(n, 7);                   \
            TWO_ROUNDS(n, 9) TWO_ROUNDS(n, 11) TWO_ROUNDS(n, 13) TWO_ROUNDS(n, 15);                \
            FOR_##n(STORE);                                                                        \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void turn_##n(struct blowfish *ciphers, unsigned turns) {                               \
        while (turns-- > 0) {                                                                      \
            FOR_##n(MIX_KEY);                                                                      \
            replace_##n(ciphers);                                                                  \
            FOR_##n(MIX_SALT);                                                                     \
            replace_##n(ciphers);                                                                  \
        }                                                                                          \
    }

DEFINE_LANES(1)
DEFINE_LANES(2)
DEFINE_LANES(3)
DEFINE_LANES(4)
DEFINE_LANES(5)
DEFINE_LANES(6)
DEFINE_LANES(7)
DEFINE_LANES(8)

void blowfish_turn(struct blowfish *ciphers, unsigned count, unsigned turns) {
    static void (*const turn[BLOWFISH_LANES_MAX])(struct blowfish *, unsigned) = {
        turn_1, turn_2, turn_3, turn_4, turn_5, turn_6, turn_7, turn_8,
    };

    turn[count - 1](ciphers, turns);
}
