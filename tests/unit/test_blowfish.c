#include "support.h"

#include "blowfish.h"

/* Blowfish's own key schedule: bcrypt's with a salt of zeros. A key is repeated until the subkeys
 * are full. */
static void set_key(struct blowfish *cipher, const unsigned char *key, size_t size) {
    memset(cipher, 0, sizeof *cipher);
    for (size_t i = 0; i < sizeof(uint32_t) * BLOWFISH_SUBKEYS; i++)
        cipher->key[i / sizeof(uint32_t)] = cipher->key[i / sizeof(uint32_t)] << 8 | key[i % size];
    blowfish_set_up(cipher);
}

static uint64_t to_number(const unsigned char bytes[static 8]) {
    uint64_t number = 0;

    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* Some of the test vectors that E. Young published for Blowfish in ECB mode. */
static void test_known_blocks(void **state) {
    static const struct {
        unsigned char key[8];
        unsigned char clear[8];
        uint64_t encrypted;
    } rows[] = {
        {{0}, {0}, UINT64_C(0x4ef997456198dd78)},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
         {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
         UINT64_C(0x51866fd5b85ecb8a)},
        {{0x30}, {0x10, 0, 0, 0, 0, 0, 0, 0x01}, UINT64_C(0x7d856f9a613063f2)},
        {{0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11},
         {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11},
         UINT64_C(0x2466dd878b963c9d)},
        {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef},
         {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11},
         UINT64_C(0x61f9c3802281b096)},
        {{0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10},
         {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef},
         UINT64_C(0x0aceab0fc6a0a28d)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint64_t clear = to_number(rows[i].clear);
        uint32_t block[2] = {(uint32_t)(clear >> 32), (uint32_t)clear};
        struct blowfish cipher;

        set_key(&cipher, rows[i].key, sizeof rows[i].key);
        blowfish_encrypt(&cipher, block);
        assert_true(((uint64_t)block[0] << 32 | block[1]) == rows[i].encrypted);
    }
}

/* The words of pi that the papers print: the first, the first S-box's first, the very last. */
static void test_tables_are_digits_of_pi(void **state) {
    (void)state;
    assert_int_equal(blowfish_pi[0], 0x243f6a88);
    assert_int_equal(blowfish_pi[17], 0x8979fb1b);
    assert_int_equal(blowfish_pi[18], 0xd1310ba6);
    assert_int_equal(blowfish_pi[BLOWFISH_WORDS - 1], 0x3ac372e6);
}

static void set_up_lane(struct blowfish *cipher, unsigned lane) {
    memset(cipher, 0, sizeof *cipher);
    for (unsigned i = 0; i < BLOWFISH_SUBKEYS; i++)
        cipher->key[i] = 0x9e3779b9U * (i + 1) + lane;
    for (unsigned i = 0; i < BLOWFISH_SALT_WORDS; i++)
        cipher->salt[i] = 0x85ebca6bU * (i + 1) ^ lane;
    blowfish_set_up(cipher);
}

/* The turns, spelled out from their definition. */
static void turn_plainly(struct blowfish *cipher, unsigned turns) {
    while (turns-- > 0) {
        for (unsigned part = 0; part < 2; part++) {
            uint32_t block[2] = {0, 0};

            for (unsigned i = 0; i < BLOWFISH_SUBKEYS; i++)
                cipher->subkey[i] ^= part == 0 ? cipher->key[i] : cipher->salt[i % 4];
            for (unsigned i = 0; i < BLOWFISH_WORDS; i += 2) {
                blowfish_encrypt(cipher, block);
                cipher->words[i] = block[0];
                cipher->words[i + 1] = block[1];
            }
        }
    }
}

/* Each number of lanes, each lane of it; those behind stay as they are. */
static void test_lanes_turn_as_each_alone(void **state) {
    static struct blowfish together[BLOWFISH_LANES_MAX];
    static struct blowfish alone;

    (void)state;
    for (unsigned count = 1; count <= BLOWFISH_LANES_MAX; count++) {
        for (unsigned lane = 0; lane < BLOWFISH_LANES_MAX; lane++)
            set_up_lane(&together[lane], lane);
        blowfish_turn(together, count, 3);
        for (unsigned lane = 0; lane < BLOWFISH_LANES_MAX; lane++) {
            set_up_lane(&alone, lane);
            if (lane < count)
                turn_plainly(&alone, 3);
            if (memcmp(&alone, &together[lane], sizeof alone) != 0)
                fail_msg("lane %u of %u differs", lane, count);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_blocks),
        cmocka_unit_test(test_tables_are_digits_of_pi),
        cmocka_unit_test(test_lanes_turn_as_each_alone),
    };

    return cmocka_run_group_tests_name("blowfish", tests, NULL, NULL);
}
