#include "support.h"

#include "body.h"
#include "details.h"

#define HASH "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"

/* A text that may hold NUL bytes. */
struct text {
    const char *bytes;
    size_t length;
};
#define TEXT(literal)                                                                              \
    { literal, sizeof(literal) - 1 }

static enum problem_kind parse(struct text text, bool with_hash, struct body *ret) {
    const struct body before = *ret;
    struct problem problem = {0};
    /* A copy of exactly that length, so that a sanitizer sees a read past its end. */
    char *copy = malloc(text.length);
    int result;

    if (text.length > 0)
        memcpy(copy, text.bytes, text.length);
    result = body_parse(copy, text.length, with_hash, ret, &problem);
    free(copy);
    assert_int_equal(result, problem.kind == PROBLEM_NONE ? 0 : -1);
    if (result < 0) {
        assert_memory_equal(ret, &before, sizeof before);
        if (!details_known(problem.detail))
            fail_msg("an unknown detail: %s", problem.detail);
    }
    return problem.kind;
}

static void expect_problems(const struct text *texts, size_t count, bool with_hash,
                            enum problem_kind kind) {
    for (size_t i = 0; i < count; i++) {
        struct body body = {0};
        const enum problem_kind found = parse(texts[i], with_hash, &body);

        if (found != kind)
            fail_msg("row %zu: %s: %s instead of %s", i, texts[i].bytes, problem_slug(found),
                     problem_slug(kind));
    }
}

static void expect_password(struct text text, const char *bytes, size_t length) {
    struct body body = {0};

    if (parse(text, false, &body) != PROBLEM_NONE)
        fail_msg("%s is refused", text.bytes);
    assert_true(body.has_password);
    assert_int_equal(body.password.length, length);
    assert_memory_equal(body.password.bytes, bytes, length);
    assert_int_equal(body.password.bytes[length], '\0');
}
#define EXPECT_PASSWORD(json, bytes)                                                               \
    expect_password((struct text){json, sizeof(json) - 1}, bytes, sizeof(bytes) - 1)

static void test_password_alone_leaves_the_cost_open(void **state) {
    struct body body = {0};

    (void)state;
    assert_int_equal(parse((struct text)TEXT("{\"password\": \"secret\"}"), false, &body), 0);
    assert_true(body.has_password);
    assert_false(body.has_cost);
    assert_false(body.has_hash);
    assert_string_equal(body.password.bytes, "secret");
}

static void test_password_and_cost_in_either_order(void **state) {
    static const struct text texts[] = {
        TEXT("{\"password\":\"p\",\"cost\":11}"),
        TEXT("{\"cost\":11,\"password\":\"p\"}"),
        TEXT(" \t\r\n{ \"cost\" : 11 , \"password\" : \"p\" } \t\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct body body = {0};

        assert_int_equal(parse(texts[i], false, &body), PROBLEM_NONE);
        assert_true(body.has_password && body.has_cost && !body.has_hash);
        assert_int_equal(body.cost, 11);
        assert_string_equal(body.password.bytes, "p");
    }
}

static void test_password_and_hash_in_either_order(void **state) {
    static const struct text texts[] = {
        TEXT("{\"password\":\"p\",\"hash\":\"" HASH "\"}"),
        TEXT("{\"hash\":\"" HASH "\",\"password\":\"p\"}"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct body body = {0};

        assert_int_equal(parse(texts[i], true, &body), PROBLEM_NONE);
        assert_true(body.has_password && body.has_hash && !body.has_cost);
        assert_string_equal(body.hash, HASH);
        assert_int_equal(body.hash_cost, 12);
    }
}

static void test_strings_are_decoded_as_json_says(void **state) {
    (void)state;
    EXPECT_PASSWORD("{\"password\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t");
    EXPECT_PASSWORD("{\"password\":\"\\u0041\\u00e9\\u00E9\\u20ac\"}",
                    "A\xc3\xa9\xc3\xa9\xe2\x82\xac");
    EXPECT_PASSWORD("{\"password\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}",
                    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    EXPECT_PASSWORD("{\"password\":\"\\ud83d\\ude00\"}", "\xf0\x9f\x98\x80");
    EXPECT_PASSWORD("{\"password\":\"\\uD83D\\uDE00\\uD83D\\uDE00\"}",
                    "\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
    EXPECT_PASSWORD("{\"password\":\"\\uffff\\ufffd\"}", "\xef\xbf\xbf\xef\xbf\xbd");
    EXPECT_PASSWORD("{\"password\":\"\\ud7ff\\ue000\"}", "\xed\x9f\xbf\xee\x80\x80");
    EXPECT_PASSWORD("{\"password\":\"\x7f\"}", "\x7f");
    EXPECT_PASSWORD("{\"pass\\u0077ord\":\"escaped name\"}", "escaped name");
}

static void test_escaped_backslash_before_u_is_no_escape(void **state) {
    (void)state;
    EXPECT_PASSWORD("{\"password\":\"\\\\ud800\"}", "\\ud800");
    EXPECT_PASSWORD("{\"password\":\"\\\\\\\\udc00\"}", "\\\\udc00");
    EXPECT_PASSWORD("{\"password\":\"\\\\\\ud83d\\ude00\"}", "\\\xf0\x9f\x98\x80");
}

/* Above U+FFFF each character is written as two escapes. json-c 0.16 decodes those whose last 16
 * bits look like half a character, such as U+2D800, as U+FFFD. */
static void test_every_pair_of_escapes_is_its_character(void **state) {
    (void)state;
    for (unsigned first = 0x10000; first < 0x110000; first += 16) {
        char json[512] = "{\"password\":\"";
        unsigned char expected[64];
        struct body body = {0};
        size_t used = strlen(json);

        for (unsigned i = 0; i < 16; i++) {
            const unsigned character = first + i;

            used += (size_t)sprintf(json + used, "\\u%04x\\u%04X",
                                    0xd800 + ((character - 0x10000) >> 10),
                                    0xdc00 + (character & 0x3ff));
            expected[4 * i] = (unsigned char)(0xf0 | character >> 18);
            expected[4 * i + 1] = (unsigned char)(0x80 | (character >> 12 & 0x3f));
            expected[4 * i + 2] = (unsigned char)(0x80 | (character >> 6 & 0x3f));
            expected[4 * i + 3] = (unsigned char)(0x80 | (character & 0x3f));
        }
        used += (size_t)sprintf(json + used, "\"}");
        assert_int_equal(parse((struct text){json, used}, false, &body), PROBLEM_NONE);
        if (body.password.length != 64 || memcmp(body.password.bytes, expected, 64) != 0)
            fail_msg("U+%04X to U+%04X: one is another character", first, first + 15);
    }
}

/* json-c would hash U+FFFD in their place. */
static void test_half_a_character_is_refused(void **state) {
    static const struct text texts[] = {
        TEXT("{\"password\":\"\\ud800\"}"),
        TEXT("{\"password\":\"\\udc00\"}"),
        TEXT("{\"password\":\"\\ude00\\ud83d\"}"),
        TEXT("{\"password\":\"\\ude00\\ude00\"}"),
        TEXT("{\"password\":\"\\ud83d\\ud83d\\ude00\"}"),
        TEXT("{\"password\":\"\\ud83dx\\ude00\"}"),
        TEXT("{\"password\":\"\\ud83d\\\\ude00\"}"),
        TEXT("{\"password\":\"\\\\\\ud800\"}"),
        TEXT("{\"password\":\"\\ud83d"),
        TEXT("{\"password\":\"p\",\"\\ud800\":1}"),
    };

    (void)state;
    expect_problems(texts, COUNT(texts), false, PROBLEM_MALFORMED);
}

static void test_invalid_utf8_is_refused(void **state) {
    static const struct text texts[] = {
        TEXT("{\"password\":\"\x80\"}"),
        TEXT("{\"password\":\"\xbf\"}"),
        TEXT("{\"password\":\"\xc3\"}"),
        TEXT("{\"password\":\"\xc3(\"}"),
        TEXT("{\"password\":\"\xc3\xa9\xa9\"}"),
        TEXT("{\"password\":\"\xe2\x82\"}"),
        TEXT("{\"password\":\"\xe2(\xac\"}"),
        TEXT("{\"password\":\"\xf0\x9f\x98\"}"),
        TEXT("{\"password\":\"\xf8\x88\x80\x80\x80\"}"),
        TEXT("{\"password\":\"\xfe\"}"),
        TEXT("{\"password\":\"\xff\"}"),
        TEXT("{\"password\":\"p\"}\xff"),
        TEXT("{\"password\":\"p\"} \xc3"),
        TEXT("\xef\xbb\xbf{\"password\":\"p\"}"),
    };

    (void)state;
    expect_problems(texts, COUNT(texts), false, PROBLEM_MALFORMED);
}

/* Forms that decoders let pass, so that two byte sequences would be the same character. */
static void test_overlong_surrogate_and_too_large_utf8_is_refused(void **state) {
    static const struct text texts[] = {
        TEXT("{\"password\":\"\xc0\x80\"}"),         TEXT("{\"password\":\"\xc0\xaf\"}"),
        TEXT("{\"password\":\"\xc1\xbf\"}"),         TEXT("{\"password\":\"\xe0\x80\x80\"}"),
        TEXT("{\"password\":\"\xe0\x9f\xbf\"}"),     TEXT("{\"password\":\"\xf0\x80\x80\x80\"}"),
        TEXT("{\"password\":\"\xf0\x8f\xbf\xbf\"}"), TEXT("{\"password\":\"\xed\xa0\x80\"}"),
        TEXT("{\"password\":\"\xed\xbf\xbf\"}"),     TEXT("{\"password\":\"\xf4\x90\x80\x80\"}"),
        TEXT("{\"password\":\"\xf5\x80\x80\x80\"}"), TEXT("{\"password\":\"\xf7\xbf\xbf\xbf\"}"),
    };

    (void)state;
    expect_problems(texts, COUNT(texts), false, PROBLEM_MALFORMED);
    EXPECT_PASSWORD("{\"password\":\"\xc2\x80\xdf\xbf\"}", "\xc2\x80\xdf\xbf");
    EXPECT_PASSWORD("{\"password\":\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"}",
                    "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf");
    EXPECT_PASSWORD("{\"password\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}",
                    "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
}

/* RFC 8259: a control character in a string must be escaped. */
static void test_raw_control_characters_in_strings_are_refused(void **state) {
    (void)state;
    for (int byte = 0; byte < 0x20; byte++) {
        char bytes[] = "{\"password\":\"a?b\"}";
        const struct text text = {bytes, sizeof bytes - 1};
        struct body body = {0};

        *strchr(bytes, '?') = (char)byte;
        if (parse(text, false, &body) != PROBLEM_MALFORMED)
            fail_msg("byte %d is taken", byte);
    }
}

static void test_what_is_not_one_object_is_refused(void **state) {
    static const struct text texts[] = {
        TEXT(""),
        TEXT(" "),
        TEXT("{"),
        TEXT("{}x"),
        TEXT("null"),
        TEXT("true"),
        TEXT("1"),
        TEXT("\"password\""),
        TEXT("[]"),
        TEXT("[{\"password\":\"p\"}]"),
        TEXT("{\"password\":\"p\""),
        TEXT("{\"password\":\"p}"),
        TEXT("{\"password\":\"p\"}x"),
        TEXT("{\"password\":\"p\"}}"),
        TEXT("{\"password\":\"p\"}{}"),
        TEXT("{\"password\":\"p\"} {\"password\":\"p\"}"),
        TEXT("{\"password\":\"p\",}"),
        TEXT("{,\"password\":\"p\"}"),
        TEXT("{\"password\" \"p\"}"),
        TEXT("{\"password\":}"),
        TEXT("{password:\"p\"}"),
        TEXT("{'password':'p'}"),
        TEXT("{\"password\":\"p\"/**/}"),
        TEXT("{\"password\":\"p\"}//"),
        TEXT("{\"password\":\"\\x41\"}"),
        TEXT("{\"password\":\"\\u12\"}"),
        TEXT("{\"password\":\"\\u12g4\"}"),
        TEXT("{\"password\":\"\\U0041\"}"),
        TEXT("{\"password\":\f\"p\"}"),
        TEXT("password=p"),
    };

    (void)state;
    expect_problems(texts, COUNT(texts), false, PROBLEM_MALFORMED);
}

/* For json-c a NUL byte ends the text. */
static void test_nothing_hides_behind_a_nul_byte(void **state) {
    static const struct text texts[] = {
        TEXT("{\"password\":\"p\"}\0"),
        TEXT("{\"password\":\"p\"}\0x"),
        TEXT("{\"password\":\"p\"} \0{\"password\":\"q\"}"),
        TEXT("\0{\"password\":\"p\"}"),
        TEXT("{\0\"password\":\"p\"}"),
    };

    (void)state;
    expect_problems(texts, COUNT(texts), false, PROBLEM_MALFORMED);
}

static void test_nesting_is_refused(void **state) {
    static char deep[BODY_MAX];
    static const struct text texts[] = {
        TEXT("{\"password\":{\"password\":\"p\"}}"),
        TEXT("{\"password\":[\"p\"]}"),
        TEXT("{\"password\":[[[[[[[[\"p\"]]]]]]]]}"),
        TEXT("{\"cost\":{},\"password\":\"p\"}"),
        {deep, sizeof deep},
    };

    (void)state;
    memset(deep, '[', sizeof deep);
    expect_problems(texts, COUNT(texts), false, PROBLEM_MALFORMED);
    memcpy(deep, "{\"password\":", 12);
    expect_problems(texts, COUNT(texts), false, PROBLEM_MALFORMED);
}

static void test_fields_of_another_type_are_refused(void **state) {
    static const struct text hash_texts[] = {
        TEXT("{\"password\":1}"),
        TEXT("{\"password\":null}"),
        TEXT("{\"password\":true}"),
        TEXT("{\"password\":1.5}"),
        TEXT("{\"password\":\"p\",\"cost\":\"12\"}"),
        TEXT("{\"password\":\"p\",\"cost\":null}"),
        TEXT("{\"password\":\"p\",\"cost\":true}"),
        TEXT("{\"password\":\"p\",\"cost\":[]}"),
        TEXT("{\"password\":\"p\",\"cost\":12.0}"),
        TEXT("{\"password\":\"p\",\"cost\":12.5}"),
        TEXT("{\"password\":\"p\",\"cost\":1e1}"),
        TEXT("{\"password\":\"p\",\"cost\":1.2E+1}"),
        TEXT("{\"password\":\"p\",\"cost\":NaN}"),
        TEXT("{\"password\":\"p\",\"cost\":Infinity}"),
        TEXT("{\"password\":\"p\",\"cost\":+12}"),
        TEXT("{\"password\":\"p\",\"cost\":0x0c}"),
        TEXT("{\"password\":\"p\",\"cost\":012}"),
        TEXT("{\"password\":\"p\",\"cost\":-}"),
        TEXT("{\"password\":\"p\",\"cost\":1-2}"),
        TEXT("{\"password\":\"p\",\"cost\":1 2}"),
    };
    static const struct text verify_texts[] = {
        TEXT("{\"password\":\"p\",\"hash\":1}"),
        TEXT("{\"password\":\"p\",\"hash\":null}"),
        TEXT("{\"password\":\"p\",\"hash\":[\"" HASH "\"]}"),
        TEXT("{\"password\":12,\"hash\":\"" HASH "\"}"),
    };

    (void)state;
    expect_problems(hash_texts, COUNT(hash_texts), false, PROBLEM_MALFORMED);
    expect_problems(verify_texts, COUNT(verify_texts), true, PROBLEM_MALFORMED);
}

/* The range is the request's business; here no value may wrap around into it. */
static void test_every_integer_is_handed_on_and_none_wraps(void **state) {
    static const struct {
        struct text text;
        int64_t cost;
    } rows[] = {
        {TEXT("{\"password\":\"p\",\"cost\":0}"), 0},
        {TEXT("{\"password\":\"p\",\"cost\":-12}"), -12},
        {TEXT("{\"password\":\"p\",\"cost\":268}"), 268},
        {TEXT("{\"password\":\"p\",\"cost\":4294967308}"), INT64_C(4294967308)},
        {TEXT("{\"password\":\"p\",\"cost\":9223372036854775807}"), INT64_MAX},
        {TEXT("{\"password\":\"p\",\"cost\":9223372036854775820}"), INT64_MAX},
        {TEXT("{\"password\":\"p\",\"cost\":18446744073709551628}"), INT64_MAX},
        {TEXT("{\"password\":\"p\",\"cost\":340282366920938463463374607431768211468}"), INT64_MAX},
        {TEXT("{\"password\":\"p\",\"cost\":-9223372036854775820}"), INT64_MIN},
        {TEXT("{\"password\":\"p\",\"cost\":-340282366920938463463374607431768211468}"), INT64_MIN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct body body = {0};

        assert_int_equal(parse(rows[i].text, false, &body), PROBLEM_NONE);
        assert_true(body.has_cost);
        if (body.cost != rows[i].cost)
            fail_msg("%s gives %lld", rows[i].text.bytes, (long long)body.cost);
    }
}

static void test_unknown_and_missing_fields_are_refused(void **state) {
    static const struct text hash_texts[] = {
        TEXT("{}"),
        TEXT("{\"cost\":12}"),
        TEXT("{\"Password\":\"p\"}"),
        TEXT("{\"password\":\"p\",\"Cost\":12}"),
        TEXT("{\"password\":\"p\",\"\":1}"),
        TEXT("{\"password\":\"p\",\"pepper\":null}"),
        TEXT("{\"password\":\"p\",\"hash\":\"" HASH "\"}"),
        TEXT("{\"password\":\"p\",\"password \":\"q\"}"),
    };
    static const struct text verify_texts[] = {
        TEXT("{}"),
        TEXT("{\"password\":\"p\"}"),
        TEXT("{\"hash\":\"" HASH "\"}"),
        TEXT("{\"password\":\"p\",\"hash\":\"" HASH "\",\"cost\":12}"),
    };

    (void)state;
    expect_problems(hash_texts, COUNT(hash_texts), false, PROBLEM_MALFORMED);
    expect_problems(verify_texts, COUNT(verify_texts), true, PROBLEM_MALFORMED);
}

/* For json-c a name ends at its first NUL. */
static void test_name_with_a_nul_is_another_name(void **state) {
    static const struct text texts[] = {
        TEXT("{\"password\\u0000\":\"p\"}"),
        TEXT("{\"password\\u0000x\":\"p\"}"),
        TEXT("{\"password\":\"p\",\"cost\\u0000\":12}"),
    };

    (void)state;
    expect_problems(texts, COUNT(texts), false, PROBLEM_MALFORMED);
}

/* Which of them counts would depend on the reader. */
static void test_field_given_twice_is_refused(void **state) {
    static const struct text hash_texts[] = {
        TEXT("{\"password\":\"p\",\"password\":\"q\"}"),
        TEXT("{\"password\":\"p\",\"password\":\"p\"}"),
        TEXT("{\"password\":\"p\",\"pass\\u0077ord\":\"q\"}"),
        TEXT("{\"cost\":12,\"password\":\"p\",\"cost\":11}"),
    };
    static const struct text verify_texts[] = {
        TEXT("{\"password\":\"p\",\"hash\":\"" HASH "\",\"hash\":\"" HASH "\"}"),
    };

    (void)state;
    expect_problems(hash_texts, COUNT(hash_texts), false, PROBLEM_MALFORMED);
    expect_problems(verify_texts, COUNT(verify_texts), true, PROBLEM_MALFORMED);
}

static void test_password_that_bcrypt_cannot_hold_is_refused(void **state) {
    static const struct text texts[] = {
        TEXT("{\"password\":\"\"}"),
        TEXT("{\"password\":\"\\u0000\"}"),
        TEXT("{\"password\":\"a\\u0000b\"}"),
        TEXT("{\"password\":\"a\\u0000\"}"),
    };

    (void)state;
    expect_problems(texts, COUNT(texts), false, PROBLEM_UNPROCESSABLE_PASSWORD);
}

static void test_length_counts_bytes_not_characters(void **state) {
    /* 36 characters of two bytes are 72 bytes; the escape is one byte. */
    static const char pair[] = "\xc3\xa9";

    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        char bytes[128] = "{\"password\":\"";
        struct text text = {bytes, 0};
        struct body body = {0};

        for (int i = 0; i < 36; i++)
            strcat(bytes, pair);
        strcat(bytes, extra ? "\\u0041\"}" : "\"}");
        text.length = strlen(bytes);
        assert_int_equal(parse(text, false, &body),
                         extra ? PROBLEM_UNPROCESSABLE_PASSWORD : PROBLEM_NONE);
        assert_int_equal(body.password.length, extra ? 0 : 72);
    }
}

static void test_hash_that_is_none_is_refused(void **state) {
    static const struct text texts[] = {
        TEXT("{\"password\":\"p\",\"hash\":\"\"}"),
        TEXT("{\"password\":\"p\",\"hash\":\"" HASH "A\"}"),
        TEXT("{\"password\":\"p\",\"hash\":\" " HASH "\"}"),
        TEXT("{\"password\":\"p\",\"hash\":\"$2b$12$abcdefghijklmnopqrstuu\"}"),
        TEXT("{\"password\":\"p\",\"hash\":"
             "\"$2x$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234\"}"),
        TEXT("{\"password\":\"p\",\"hash\":"
             "\"$2b$03$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234\"}"),
        TEXT("{\"password\":\"p\",\"hash\":"
             "\"$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ0123\\u0000\"}"),
        TEXT("{\"password\":\"p\",\"hash\":"
             "\"$6$rounds=5000$saltsaltsaltsalt$ABCDEFGHIJKLMNOPQRSTUVWXYZab\"}"),
    };

    (void)state;
    expect_problems(texts, COUNT(texts), true, PROBLEM_UNPROCESSABLE_HASH);
}

static void test_body_may_fill_its_limit_but_not_pass_it(void **state) {
    static char bytes[BODY_MAX + 1];
    static const char start[] = "{\"password\":\"p\"}";
    struct body body = {0};

    (void)state;
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, start, sizeof start - 1);
    assert_int_equal(parse((struct text){bytes, BODY_MAX}, false, &body), PROBLEM_NONE);
    memset(&body, 0, sizeof body);
    assert_int_equal(parse((struct text){bytes, BODY_MAX + 1}, false, &body), PROBLEM_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password_alone_leaves_the_cost_open),
        cmocka_unit_test(test_password_and_cost_in_either_order),
        cmocka_unit_test(test_password_and_hash_in_either_order),
        cmocka_unit_test(test_strings_are_decoded_as_json_says),
        cmocka_unit_test(test_escaped_backslash_before_u_is_no_escape),
        cmocka_unit_test(test_every_pair_of_escapes_is_its_character),
        cmocka_unit_test(test_half_a_character_is_refused),
        cmocka_unit_test(test_invalid_utf8_is_refused),
        cmocka_unit_test(test_overlong_surrogate_and_too_large_utf8_is_refused),
        cmocka_unit_test(test_raw_control_characters_in_strings_are_refused),
        cmocka_unit_test(test_what_is_not_one_object_is_refused),
        cmocka_unit_test(test_nothing_hides_behind_a_nul_byte),
        cmocka_unit_test(test_nesting_is_refused),
        cmocka_unit_test(test_fields_of_another_type_are_refused),
        cmocka_unit_test(test_every_integer_is_handed_on_and_none_wraps),
        cmocka_unit_test(test_unknown_and_missing_fields_are_refused),
        cmocka_unit_test(test_name_with_a_nul_is_another_name),
        cmocka_unit_test(test_field_given_twice_is_refused),
        cmocka_unit_test(test_password_that_bcrypt_cannot_hold_is_refused),
        cmocka_unit_test(test_length_counts_bytes_not_characters),
        cmocka_unit_test(test_hash_that_is_none_is_refused),
        cmocka_unit_test(test_body_may_fill_its_limit_but_not_pass_it),
    };

    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
