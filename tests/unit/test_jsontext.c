#include "support.h"

#include "jsontext.h"

#define SIZE 4096

/* A text that may hold NUL bytes. */
struct text {
    const char *bytes;
    size_t length;
};
#define TEXT(literal)                                                                              \
    { literal, sizeof(literal) - 1 }

static char prepared[SIZE];
static unsigned members;

/* Prepares an exact copy, so that a sanitizer sees a read past its end. */
static long prepare(struct text text, const char **ret_error) {
    char *copy = malloc(text.length);
    long length;

    if (text.length > 0)
        memcpy(copy, text.bytes, text.length);
    memset(prepared, '#', sizeof prepared);
    members = 99;
    length = jsontext_prepare(copy, text.length, prepared, &members, ret_error);
    free(copy);
    return length;
}

static void expect_copy(struct text text, struct text expected, unsigned expected_members) {
    const char *error = NULL;
    const long length = prepare(text, &error);

    if (length < 0)
        fail_msg("%s: %s", text.bytes, error);
    assert_int_equal(length, expected.length);
    assert_memory_equal(prepared, expected.bytes, expected.length);
    assert_int_equal(prepared[length], '#');
    assert_int_equal(members, expected_members);
}

static void expect_error(struct text text) {
    const char *error = NULL;

    if (prepare(text, &error) != -1)
        fail_msg("%s is taken", text.bytes);
    assert_non_null(error);
    assert_int_equal(members, 99);
}

static void test_text_without_pairs_is_copied_as_it_is(void **state) {
    static const struct text texts[] = {
        TEXT(""),
        TEXT("{}"),
        TEXT(" \t\r\n[1, true, \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\uFFFF\"]"),
        TEXT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\""),
        TEXT("\"\\\\ud83d\\\\ude00\""),
        TEXT("\"\\u12\""),
        TEXT("\"\\u12g4\""),
        TEXT("\"open"),
        TEXT("\"open\\"),
        TEXT("\\ud83"),
        TEXT("]]}}"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        expect_copy(texts[i], texts[i], 0);
}

static void test_pair_becomes_its_character(void **state) {
    static const struct {
        struct text text;
        struct text expected;
    } rows[] = {
        {TEXT("\"\\ud800\\udc00\""), TEXT("\"\xf0\x90\x80\x80\"")},
        {TEXT("\"\\udbff\\udfff\""), TEXT("\"\xf4\x8f\xbf\xbf\"")},
        {TEXT("\"\\uD83d\\uDe00\""), TEXT("\"\xf0\x9f\x98\x80\"")},
        {TEXT("\"\\ud876\\udc00\""), TEXT("\"\xf0\xad\xa0\x80\"")},
        {TEXT("\"a\\ud83d\\ude00\\ud83d\\ude00b\\n\""), TEXT("\"a\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
                                                             "b\\n\"")},
        {TEXT("\"\\\\\\ud83d\\ude00\\\"\""), TEXT("\"\\\\\xf0\x9f\x98\x80\\\"\"")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_copy(rows[i].text, rows[i].expected, 0);
}

static void test_members_of_the_outermost_object_are_counted(void **state) {
    static const struct {
        struct text text;
        unsigned members;
    } rows[] = {
        {TEXT("{}"), 0},
        {TEXT("{\"a\":1}"), 1},
        {TEXT("{\"a\":1,\"b\":2,\"a\":3}"), 3},
        {TEXT("{\"a\" : \":{\\\":\" , \"b\":[{\"c\":{\"d\":1}}]}"), 2},
        {TEXT("[{\"a\":1}]"), 0},
        {TEXT("{\"a\":{\"b\":1,\"c\":2},\"d\":3}"), 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_copy(rows[i].text, rows[i].text, rows[i].members);
}

static void test_half_a_character_is_an_error(void **state) {
    static const struct text texts[] = {
        TEXT("\"\\ud800\""),        TEXT("\"\\udbff\""),        TEXT("\"\\udc00\""),
        TEXT("\"\\udfff\""),        TEXT("\"\\udc00\\ud800\""), TEXT("\"\\udc00\\udc00\""),
        TEXT("\"\\ud800\\ud800\""), TEXT("\"\\ud800\\u0041\""), TEXT("\"\\ud800\\\\udc00\""),
        TEXT("\"\\ud800\\udbff\""), TEXT("\"\\ud800\\ue000\""), TEXT("\"\\ud800\\udc0"),
        TEXT("\"\\ud800"),          TEXT("\"\\ud800\\"),        TEXT("\"\\\\\\ud800\""),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        expect_error(texts[i]);
}

/* RFC 3629, in two ways: the code points of every two bytes, and the edges of the longer forms. */
static void test_only_utf8_is_taken(void **state) {
    static const struct text texts[] = {
        TEXT("\xe0\x9f\xbf"),     TEXT("\xe0\xa0"),         TEXT("\xe1\x80\x7f"),
        TEXT("\xe1\x80\xc0"),     TEXT("\xed\xa0\x80"),     TEXT("\xed\xbf\xbf"),
        TEXT("\xef\xbf"),         TEXT("\xf0\x8f\xbf\xbf"), TEXT("\xf0\x90\x80"),
        TEXT("\xf1\x80\x80\x7f"), TEXT("\xf1\x80\xc0\x80"), TEXT("\xf4\x90\x80\x80"),
        TEXT("\xf5\x80\x80\x80"), TEXT("\xff\xbf\xbf\xbf"), TEXT("\xf8\x88\x80\x80\x80"),
    };
    static const struct text good[] = {
        TEXT("\xe0\xa0\x80"), TEXT("\xed\x9f\xbf"),     TEXT("\xee\x80\x80"),
        TEXT("\xef\xbf\xbf"), TEXT("\xf0\x90\x80\x80"), TEXT("\xf4\x8f\xbf\xbf"),
    };

    (void)state;
    for (int first = 0x80; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            const char bytes[] = {'"', (char)first, (char)second, '"'};
            const struct text text = {bytes, sizeof bytes};

            if (first >= 0xc2 && first <= 0xdf && second >= 0x80 && second <= 0xbf)
                expect_copy(text, text, 0);
            else
                expect_error(text);
        }
    }
    for (size_t i = 0; i < COUNT(texts); i++)
        expect_error(texts[i]);
    for (size_t i = 0; i < COUNT(good); i++)
        expect_copy(good[i], good[i], 0);
}

static void test_control_characters_have_no_place_in_a_string(void **state) {
    (void)state;
    for (int byte = 0; byte < 0x20; byte++) {
        const char bytes[] = {'"', (char)byte, '"'};

        expect_error((struct text){bytes, sizeof bytes});
    }
}

static void test_nul_is_refused_in_the_text_and_in_names(void **state) {
    static const struct text texts[] = {
        TEXT("\0"),
        TEXT("{\"a\":1}\0"),
        TEXT("{\0\"a\":1}"),
        TEXT("{\"a\\u0000\":1}"),
        TEXT("{\"a\\u0000b\" \n: 1}"),
        TEXT("{\"a\":{\"\\u0000\":1}}"),
    };
    static const struct text values[] = {
        TEXT("{\"a\":\"\\u0000\",\"b\":\"c\"}"),
        TEXT("{\"a\\\\u0000\":1,\"b\":\"\\u0000:\"}"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        expect_error(texts[i]);
    for (size_t i = 0; i < COUNT(values); i++)
        expect_copy(values[i], values[i], 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_without_pairs_is_copied_as_it_is),
        cmocka_unit_test(test_pair_becomes_its_character),
        cmocka_unit_test(test_members_of_the_outermost_object_are_counted),
        cmocka_unit_test(test_half_a_character_is_an_error),
        cmocka_unit_test(test_only_utf8_is_taken),
        cmocka_unit_test(test_control_characters_have_no_place_in_a_string),
        cmocka_unit_test(test_nul_is_refused_in_the_text_and_in_names),
    };

    return cmocka_run_group_tests_name("jsontext", tests, NULL, NULL);
}
