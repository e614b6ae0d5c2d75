#include "support.h"

#include "hex.h"

static void test_digits_have_their_values_and_nothing_else_has_one(void **state) {
    static const char digits[] = "0123456789abcdef";
    static const char capitals[] = "ABCDEF";

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char *digit = byte != 0 ? strchr(digits, byte) : NULL;
        const char *capital = byte != 0 ? strchr(capitals, byte) : NULL;
        long expected = -1;

        if (digit != NULL)
            expected = digit - digits;
        else if (capital != NULL)
            expected = capital - capitals + 10;
        assert_int_equal(hex_value((char)byte), expected);
    }
}

static void test_every_byte_is_encoded_as_two_lower_case_digits(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char bytes[] = {(char)byte, 'A'};
        char expected[8];
        char hex[5];

        snprintf(expected, sizeof expected, "%02x41", (unsigned)byte);
        hex_encode(bytes, sizeof bytes, hex);
        assert_string_equal(hex, expected);
    }
}

static void test_nothing_is_encoded_as_an_empty_text(void **state) {
    char hex[] = {'x', 'x'};

    (void)state;
    hex_encode("", 0, hex);
    assert_int_equal(hex[0], '\0');
    assert_int_equal(hex[1], 'x');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits_have_their_values_and_nothing_else_has_one),
        cmocka_unit_test(test_every_byte_is_encoded_as_two_lower_case_digits),
        cmocka_unit_test(test_nothing_is_encoded_as_an_empty_text),
    };

    return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
