#include "support.h"

#include "bcrypt.h"

#include <crypt.h>
#include <errno.h>

static struct blowfish cipher;

static int set_password(struct password *password, const char *bytes) {
    struct problem problem = {0};

    memset(password, 0, sizeof *password);
    return password_set(password, bytes, strlen(bytes), &problem);
}

/* One hash from its begin to its end. */
static int compute(const char *bytes, const char *setting, char *ret_hash) {
    struct password password;
    uint64_t turns;
    int result;

    assert_int_equal(set_password(&password, bytes), 0);
    result = bcrypt_begin(&cipher, &password, setting, &turns);
    if (result < 0)
        return result;
    blowfish_turn(&cipher, 1, (unsigned)turns);
    bcrypt_end(&cipher, setting, ret_hash);
    return 0;
}

static void expect_as_libxcrypt(const char *bytes, const char *setting) {
    static struct crypt_data work;
    char hash[PASSWORD_HASH_LEN + 1];

    assert_int_equal(compute(bytes, setting, hash), 0);
    assert_string_equal(hash, crypt_rn(bytes, setting, &work, sizeof work));
}

static void test_every_kind_is_as_libxcrypt_has_it(void **state) {
    static const char *const kinds[] = {"$2a$04$", "$2b$04$", "$2y$04$", "$2b$05$"};
    static const char *const passwords[] = {
        "a",
        "correct horse battery staple",
        ("\xff\xa3"
         "345"),
        "\xff\xff\xa3",
        "\xff\xff\xff",
        "\x80",
        "\x01\x7f\x80\xff",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        for (size_t j = 0; j < COUNT(passwords); j++) {
            char setting[PASSWORD_SETTING_LEN + 1];

            snprintf(setting, sizeof setting, "%s/OK.fbVrR/bpIqNJ5ianF.", kinds[i]);
            expect_as_libxcrypt(passwords[j], setting);
        }
    }
}

/* Every length that a password may have. */
static void test_every_length(void **state) {
    char bytes[PASSWORD_MAX + 1] = "";

    (void)state;
    for (size_t length = 1; length <= PASSWORD_MAX; length++) {
        bytes[length - 1] = (char)('!' + length);
        expect_as_libxcrypt(bytes, "$2b$04$CCCCCCCCCCCCCCCCCCCCC.");
    }
}

/* Keys that are the same with the bug behind $2x$ and without it: there $2a$ differs from $2b$. */
static void test_2a_keeps_away_from_the_sign_extension_bug(void **state) {
    char bytes[PASSWORD_MAX + 1] = "";
    char safe[PASSWORD_HASH_LEN + 1];
    char plain[PASSWORD_HASH_LEN + 1];

    (void)state;
    memset(bytes, 0xff, PASSWORD_MAX);
    expect_as_libxcrypt(bytes, "$2a$04$CCCCCCCCCCCCCCCCCCCCC.");
    assert_int_equal(compute(bytes, "$2a$04$CCCCCCCCCCCCCCCCCCCCC.", safe), 0);
    assert_int_equal(compute(bytes, "$2b$04$CCCCCCCCCCCCCCCCCCCCC.", plain), 0);
    assert_string_not_equal(safe + PASSWORD_SETTING_LEN, plain + PASSWORD_SETTING_LEN);
}

static void test_turns_are_two_to_the_power_of_the_cost(void **state) {
    struct password password;

    (void)state;
    assert_int_equal(set_password(&password, "p"), 0);
    for (unsigned cost = 4; cost <= 31; cost++) {
        char setting[PASSWORD_SETTING_LEN + 1];
        uint64_t turns;

        snprintf(setting, sizeof setting, "$2b$%02u$CCCCCCCCCCCCCCCCCCCCC.", cost);
        assert_int_equal(bcrypt_begin(&cipher, &password, setting, &turns), 0);
        assert_true(turns == UINT64_C(1) << cost);
    }
}

/* The last character of a salt has four bits that belong to no byte of it. */
static void test_unused_bits_of_the_salt_are_given_out_as_zero(void **state) {
    (void)state;
    expect_as_libxcrypt("p", "$2b$04$CCCCCCCCCCCCCCCCCCCCCC");
    expect_as_libxcrypt("p", "$2b$04$CCCCCCCCCCCCCCCCCCCCC9");
    expect_as_libxcrypt("p", "$2b$04$999999999999999999999u");
}

static void test_what_follows_the_setting_does_not_matter(void **state) {
    (void)state;
    expect_as_libxcrypt("U*U", "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK");
    expect_as_libxcrypt("U*V", "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK");
}

static void test_broken_settings_are_refused_as_libxcrypt_does(void **state) {
    static const char *const settings[] = {
        "",
        "*0",
        "$",
        "$2",
        "$2$04$CCCCCCCCCCCCCCCCCCCCC.",
        "$2c$04$CCCCCCCCCCCCCCCCCCCCC.",
        "$3b$04$CCCCCCCCCCCCCCCCCCCCC.",
        "$2b04$CCCCCCCCCCCCCCCCCCCCCC.",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.",
        "$2b$32$CCCCCCCCCCCCCCCCCCCCC.",
        "$2b$40$CCCCCCCCCCCCCCCCCCCCC.",
        "$2b$4$CCCCCCCCCCCCCCCCCCCCCC.",
        "$2b$ 4$CCCCCCCCCCCCCCCCCCCCC.",
        "$2b$0:$CCCCCCCCCCCCCCCCCCCCC.",
        "$2b$04CCCCCCCCCCCCCCCCCCCCCC.",
        "$2b$04$CCCCCCCCCCCCCCCCCCCC",
        "$2b$04$CCCCCCCCCCCCCCCCCCCCC",
        "$2b$04$CCCCCCCCCC!CCCCCCCCCC.",
        "$2b$04$CCCCCCCCCCCCCCCCCCCCC!",
        "$2b$04$CCCCCCCCCC\xff\xff.CCCCCCCC.",
        "$2y$04$CCCCCCCCCCCCCCCCCCCC+.",
    };
    static struct crypt_data work;

    (void)state;
    for (size_t i = 0; i < COUNT(settings); i++) {
        char hash[PASSWORD_HASH_LEN + 1];
        const char *theirs = crypt_rn("p", settings[i], &work, sizeof work);

        if (theirs != NULL && theirs[0] != '*')
            fail_msg("libxcrypt takes \"%s\"", settings[i]);
        if (compute("p", settings[i], hash) != -EINVAL)
            fail_msg("\"%s\" gives a hash", settings[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_is_as_libxcrypt_has_it),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_2a_keeps_away_from_the_sign_extension_bug),
        cmocka_unit_test(test_turns_are_two_to_the_power_of_the_cost),
        cmocka_unit_test(test_unused_bits_of_the_salt_are_given_out_as_zero),
        cmocka_unit_test(test_what_follows_the_setting_does_not_matter),
        cmocka_unit_test(test_broken_settings_are_refused_as_libxcrypt_does),
    };

    return cmocka_run_group_tests_name("bcrypt", tests, NULL, NULL);
}
