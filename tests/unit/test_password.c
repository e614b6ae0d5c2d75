#include "support.h"

#include "password.h"

#include <crypt.h>

#define HASH "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"

static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static enum problem_kind set(struct password *password, const char *bytes, size_t length) {
    struct problem problem = {0};
    const int result = password_set(password, bytes, length, &problem);

    assert_int_equal(result, problem.kind == PROBLEM_NONE ? 0 : -1);
    return problem.kind;
}

static void test_1_to_72_bytes_are_taken_whole(void **state) {
    char bytes[PASSWORD_MAX + 2];

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    for (size_t length = 0; length <= PASSWORD_MAX + 1; length++) {
        struct password password = {.length = 999};
        const enum problem_kind kind = set(&password, bytes, length);

        if (length == 0 || length > PASSWORD_MAX) {
            assert_int_equal(kind, PROBLEM_UNPROCESSABLE_PASSWORD);
            assert_int_equal(password.length, 999);
            continue;
        }
        assert_int_equal(kind, PROBLEM_NONE);
        assert_int_equal(password.length, length);
        assert_memory_equal(password.bytes, bytes, length);
        assert_int_equal(password.bytes[length], '\0');
    }
}

static void test_nul_is_refused_at_every_place(void **state) {
    (void)state;
    for (size_t place = 0; place < PASSWORD_MAX; place++) {
        struct password password = {.length = 999};
        char bytes[PASSWORD_MAX];

        memset(bytes, 'x', sizeof bytes);
        bytes[place] = '\0';
        assert_int_equal(set(&password, bytes, sizeof bytes), PROBLEM_UNPROCESSABLE_PASSWORD);
        assert_int_equal(password.length, 999);
        if (place > 0)
            assert_int_equal(set(&password, bytes, place), PROBLEM_NONE);
    }
}

static void test_new_setting_is_2b_of_that_cost(void **state) {
    (void)state;
    for (unsigned cost = 4; cost <= 31; cost++) {
        char setting[PASSWORD_SETTING_LEN + 1];
        char start[8];

        snprintf(start, sizeof start, "$2b$%02u$", cost);
        assert_int_equal(password_new_setting(cost, setting), 0);
        assert_int_equal(strlen(setting), PASSWORD_SETTING_LEN);
        assert_memory_equal(setting, start, 7);
        assert_int_equal(strspn(setting + 7, alphabet), PASSWORD_SETTING_LEN - 7);
    }
}

/* libxcrypt reads 0 as its default cost, which is 5. */
static void test_cost_that_bcrypt_has_not_makes_no_setting(void **state) {
    static const unsigned costs[] = {0, 1, 3, 32, 33, 4 + 256, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(costs); i++) {
        char setting[PASSWORD_SETTING_LEN + 1] = "untouched";

        assert_true(password_new_setting(costs[i], setting) < 0);
        assert_string_equal(setting, "untouched");
    }
}

static void test_every_setting_has_its_own_salt(void **state) {
    static char settings[200][PASSWORD_SETTING_LEN + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(settings); i++) {
        assert_int_equal(password_new_setting(12, settings[i]), 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(settings[i], settings[j]);
    }
}

static void test_hashes_of_the_three_kinds_are_known(void **state) {
    (void)state;
    for (const char *kind = "aby"; *kind != '\0'; kind++) {
        for (int cost = 0; cost <= 99; cost++) {
            char hash[PASSWORD_HASH_LEN + 1] = HASH;

            hash[2] = *kind;
            hash[4] = (char)('0' + cost / 10);
            hash[5] = (char)('0' + cost % 10);
            assert_int_equal(password_parse_hash(hash, PASSWORD_HASH_LEN),
                             cost >= 4 && cost <= 31 ? cost : -1);
        }
    }
}

static bool may_stand_at(size_t place, int byte) {
    if (place == 2)
        return byte == 'a' || byte == 'b' || byte == 'y';
    if (place == 4)
        return byte == '1' || byte == '2'; /* the costs 12 and 22 */
    if (place == 5)
        return byte >= '0' && byte <= '9';
    if (place < 7)
        return byte == HASH[place];
    return byte != 0 && strchr(alphabet, byte) != NULL;
}

static void test_every_byte_at_every_place_of_a_hash(void **state) {
    (void)state;
    for (size_t place = 0; place < PASSWORD_HASH_LEN; place++) {
        for (int byte = 0; byte < 256; byte++) {
            char hash[PASSWORD_HASH_LEN + 1] = HASH;

            hash[place] = (char)byte;
            if ((password_parse_hash(hash, PASSWORD_HASH_LEN) >= 0) != may_stand_at(place, byte))
                fail_msg("byte %d at %zu", byte, place);
        }
    }
}

static void test_hash_of_another_length_is_none(void **state) {
    const char hash[] = HASH "AB";

    (void)state;
    for (size_t length = 0; length <= sizeof hash - 1; length++)
        assert_int_equal(password_parse_hash(hash, length), length == PASSWORD_HASH_LEN ? 12 : -1);
}

static void test_equal_compares_all_of_the_hash_part(void **state) {
    (void)state;
    assert_true(password_equal(HASH, HASH));
    for (size_t place = PASSWORD_SETTING_LEN; place < PASSWORD_HASH_LEN; place++) {
        for (int bit = 0; bit < 8; bit++) {
            char other[PASSWORD_HASH_LEN + 1] = HASH;

            other[place] = (char)(other[place] ^ (1 << bit));
            assert_false(password_equal(HASH, other));
            assert_false(password_equal(other, HASH));
        }
    }
}

/* A difference must not be made good by another one further on. */
static void test_differences_do_not_cancel_out(void **state) {
    char other[PASSWORD_HASH_LEN + 1] = HASH;

    (void)state;
    other[PASSWORD_SETTING_LEN] = (char)(other[PASSWORD_SETTING_LEN] ^ 3);
    other[PASSWORD_SETTING_LEN + 1] = (char)(other[PASSWORD_SETTING_LEN + 1] ^ 3);
    assert_false(password_equal(HASH, other));
}

static void test_equal_leaves_the_setting_out(void **state) {
    char other[PASSWORD_HASH_LEN + 1] = HASH;

    (void)state;
    memset(other, 'x', PASSWORD_SETTING_LEN);
    assert_true(password_equal(HASH, other));
}

/* The last of the salt's characters has four bits that mean nothing: some libraries leave them
 * set, libxcrypt clears them. */
static void test_salt_with_unused_bits_set_verifies(void **state) {
    char stored[PASSWORD_HASH_LEN + 1] =
        "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK";
    const size_t last = PASSWORD_SETTING_LEN - 1;
    struct crypt_data work = {0};

    (void)state;
    for (size_t unused = 0; unused < 16; unused++) {
        const char *computed;

        stored[last] = alphabet[unused];
        assert_int_equal(password_parse_hash(stored, PASSWORD_HASH_LEN), 4);
        computed = crypt_rn("U*U", stored, &work, sizeof work);
        assert_non_null(computed);
        assert_int_equal(computed[last], '.');
        assert_true(password_equal(computed, stored));
    }
    stored[last] = alphabet[16];
    assert_false(password_equal(crypt_rn("U*U", stored, &work, sizeof work), stored));
}

static void test_needs_rehash_for_another_kind_or_a_lower_cost(void **state) {
    static const struct {
        const char *hash;
        unsigned cost;
        bool needed;
    } rows[] = {
        {HASH, 12, false},
        {HASH, 11, false},
        {HASH, 13, true},
        {"$2a$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", 12, true},
        {"$2y$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", 12, true},
        {"$2b$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", 4, false},
        {"$2b$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", 31, false},
        {"not a hash", 4, true},
        {"", 4, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (password_needs_rehash(rows[i].hash, rows[i].cost) != rows[i].needed)
            fail_msg("row %zu: %s", i, rows[i].hash);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_1_to_72_bytes_are_taken_whole),
        cmocka_unit_test(test_nul_is_refused_at_every_place),
        cmocka_unit_test(test_new_setting_is_2b_of_that_cost),
        cmocka_unit_test(test_cost_that_bcrypt_has_not_makes_no_setting),
        cmocka_unit_test(test_every_setting_has_its_own_salt),
        cmocka_unit_test(test_hashes_of_the_three_kinds_are_known),
        cmocka_unit_test(test_every_byte_at_every_place_of_a_hash),
        cmocka_unit_test(test_hash_of_another_length_is_none),
        cmocka_unit_test(test_equal_compares_all_of_the_hash_part),
        cmocka_unit_test(test_differences_do_not_cancel_out),
        cmocka_unit_test(test_equal_leaves_the_setting_out),
        cmocka_unit_test(test_salt_with_unused_bits_set_verifies),
        cmocka_unit_test(test_needs_rehash_for_another_kind_or_a_lower_cost),
    };

    return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
