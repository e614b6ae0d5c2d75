#include "support.h"

#include "details.h"
#include "route.h"

#include <ctype.h>

static enum problem_kind decode(const char *rest, struct password *password) {
    const struct password before = *password;
    struct problem problem = {0};
    const int result = route_decode_password(rest, password, &problem);

    assert_int_equal(result, problem.kind == PROBLEM_NONE ? 0 : -1);
    if (result == 0) {
        assert_in_range(password->length, 1, PASSWORD_MAX);
        assert_int_equal(password->bytes[password->length], '\0');
    } else {
        assert_memory_equal(password, &before, sizeof before);
        if (!details_known(problem.detail))
            fail_msg("an unknown detail: %s", problem.detail);
    }
    return problem.kind;
}

static void expect_password(const char *rest, const char *bytes, size_t length) {
    struct password password = {0};

    if (decode(rest, &password) != PROBLEM_NONE)
        fail_msg("\"%s\" is refused", rest);
    assert_int_equal(password.length, length);
    assert_memory_equal(password.bytes, bytes, length);
}

static void expect_problem(const char *rest, enum problem_kind kind) {
    struct password password = {0};
    const enum problem_kind found = decode(rest, &password);

    if (found != kind)
        fail_msg("\"%s\": %s instead of %s", rest, problem_slug(found), problem_slug(kind));
}

static void test_routes_are_found_in_the_raw_uri(void **state) {
    static const struct {
        const char *uri;
        enum stats_route route;
    } rows[] = {
        {"/gethash/", STATS_GETHASH},
        {"/gethash/a", STATS_GETHASH},
        {"/gethash/a/b", STATS_GETHASH},
        {"/gethash//", STATS_GETHASH},
        {"/gethash/%2E%2E", STATS_GETHASH},
        {"/gethash/../v1/hash", STATS_GETHASH},
        {"/gethash/?x", STATS_GETHASH},
        {"/gethash", STATS_OTHER},
        {"/gethash?a", STATS_OTHER},
        {"/GetHash/a", STATS_OTHER},
        {"/%67ethash/a", STATS_OTHER},
        {"/gethash%2Fa", STATS_OTHER},
        {"//gethash/a", STATS_OTHER},
        {"gethash/a", STATS_OTHER},
        {" /gethash/a", STATS_OTHER},
        {"http://host/gethash/a", STATS_OTHER},
        {"/v1/hash", STATS_HASH},
        {"/v1/hash?", STATS_HASH},
        {"/v1/hash?a=b", STATS_HASH},
        {"/v1/hash/", STATS_OTHER},
        {"/v1/hashes", STATS_OTHER},
        {"/v1/has", STATS_OTHER},
        {"/v1/Hash", STATS_OTHER},
        {"/v1//hash", STATS_OTHER},
        {"/v1/verify", STATS_VERIFY},
        {"/v1/verify?a=b", STATS_VERIFY},
        {"/v1/verify/", STATS_OTHER},
        {"/v1/verify#a", STATS_OTHER},
        {"/", STATS_OTHER},
        {"*", STATS_OTHER},
        {"", STATS_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *rest = "stale";
        const enum stats_route route = route_find(rows[i].uri, &rest);

        if (route != rows[i].route)
            fail_msg("\"%s\" is %s", rows[i].uri, stats_route_name(route));
        if (route == STATS_GETHASH)
            assert_ptr_equal(rest, rows[i].uri + strlen("/gethash/"));
        else
            assert_null(rest);
    }
}

static void test_a_path_may_have_a_query_and_nothing_else(void **state) {
    (void)state;
    assert_true(route_is_path("/livez", "/livez"));
    assert_true(route_is_path("/livez?verbose", "/livez"));
    assert_false(route_is_path("/livez/", "/livez"));
    assert_false(route_is_path("/livezz", "/livez"));
    assert_false(route_is_path("/live", "/livez"));
    assert_false(route_is_path("", "/livez"));
}

static void test_methods_are_those_of_the_contract(void **state) {
    (void)state;
    assert_string_equal(route_methods(STATS_GETHASH), "GET");
    assert_string_equal(route_methods(STATS_HASH), "POST");
    assert_string_equal(route_methods(STATS_VERIFY), "POST");
}

static void test_every_byte_can_be_written_as_an_escape(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char expected = (char)byte;
        char lower[8];
        char upper[8];

        snprintf(lower, sizeof lower, "%%%02x", (unsigned)byte);
        snprintf(upper, sizeof upper, "%%%02X/", (unsigned)byte);
        if (byte == 0) {
            expect_problem(lower, PROBLEM_UNPROCESSABLE_PASSWORD);
            expect_problem(upper, PROBLEM_UNPROCESSABLE_PASSWORD);
        } else {
            expect_password(lower, &expected, 1);
            expect_password(upper, &expected, 1);
        }
    }
}

static void test_every_other_raw_byte_stands_for_itself(void **state) {
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char text[] = {'a', (char)byte, 'b', '\0'};

        if (byte == '/')
            expect_problem(text, PROBLEM_NOT_FOUND);
        else if (byte == '?' || byte == '%')
            expect_problem(text, PROBLEM_MALFORMED);
        else
            expect_password(text, text, 3);
    }
}

static void test_two_hexadecimal_digits_make_an_escape_and_nothing_else_does(void **state) {
    (void)state;
    for (int first = 1; first < 256; first++) {
        for (int second = 1; second < 256; second++) {
            const char text[] = {'%', (char)first, (char)second, 'x', '\0'};
            const bool good = isxdigit(first) && isxdigit(second);

            if (first == '/' || second == '/' || first == '?' || second == '?')
                continue;
            if (good && first == '0' && second == '0')
                expect_problem(text, PROBLEM_UNPROCESSABLE_PASSWORD);
            else if (good)
                expect_password(text, (const char[]){(char)strtol(text + 1, NULL, 16), 'x'}, 2);
            else
                expect_problem(text, PROBLEM_MALFORMED);
        }
    }
}

static void test_escape_cut_short_is_broken(void **state) {
    static const char *const rests[] = {"%", "%4", "a%", "a%4", "%/", "%4/", "%%", "%%4", "%25%"};

    (void)state;
    for (size_t i = 0; i < COUNT(rests); i++)
        expect_problem(rests[i], PROBLEM_MALFORMED);
}

static void test_decoding_happens_exactly_once(void **state) {
    (void)state;
    expect_password("%2541", "%41", 3);
    expect_password("%252541", "%2541", 5);
    expect_password("%2500", "%00", 3);
    expect_password("a+b", "a+b", 3);
}

static void test_path_syntax_is_legal_when_escaped(void **state) {
    (void)state;
    expect_password("%2F", "/", 1);
    expect_password("%2f%2F/", "//", 2);
    expect_password("a%2Fb", "a/b", 3);
    expect_password("%2E%2E", "..", 2);
    expect_password("..", "..", 2);
    expect_password(".", ".", 1);
    expect_password("%3F", "?", 1);
    expect_password("%23", "#", 1);
    expect_password("a%0D%0Ab", "a\r\nb", 4);
    expect_password("%E9", "\xe9", 1);
    expect_password("%C3%A9", "\xc3\xa9", 2);
}

static void test_one_trailing_slash_is_not_part_of_the_password(void **state) {
    (void)state;
    expect_password("a", "a", 1);
    expect_password("a/", "a", 1);
    expect_password("a%2F/", "a/", 2);
    expect_problem("a//", PROBLEM_NOT_FOUND);
    expect_problem("//", PROBLEM_NOT_FOUND);
    expect_problem("a/b", PROBLEM_NOT_FOUND);
    expect_problem("a/b/", PROBLEM_NOT_FOUND);
    expect_problem("/a", PROBLEM_NOT_FOUND);
}

static void test_query_is_refused_and_not_hashed(void **state) {
    (void)state;
    expect_problem("a?", PROBLEM_MALFORMED);
    expect_problem("a?b", PROBLEM_MALFORMED);
    expect_problem("a/?b", PROBLEM_MALFORMED);
    expect_problem("?", PROBLEM_MALFORMED);
    expect_problem("a?b/c", PROBLEM_MALFORMED);
}

static void test_empty_password_is_refused(void **state) {
    (void)state;
    expect_problem("", PROBLEM_UNPROCESSABLE_PASSWORD);
    expect_problem("/", PROBLEM_UNPROCESSABLE_PASSWORD);
}

static void test_nul_is_refused_and_not_cut_at(void **state) {
    (void)state;
    expect_problem("%00", PROBLEM_UNPROCESSABLE_PASSWORD);
    expect_problem("a%00", PROBLEM_UNPROCESSABLE_PASSWORD);
    expect_problem("%00a", PROBLEM_UNPROCESSABLE_PASSWORD);
    expect_problem("a%00b/", PROBLEM_UNPROCESSABLE_PASSWORD);
}

/* Repeats one written byte; ends it with a slash when asked. */
static const char *repeat(const char *byte, size_t count, bool slash) {
    static char text[3 * 5000 + 2];
    size_t used = 0;

    while (count-- > 0)
        used += (size_t)sprintf(text + used, "%s", byte);
    strcpy(text + used, slash ? "/" : "");
    return text;
}

static void test_length_is_that_of_the_decoded_bytes(void **state) {
    static const char *const bytes[] = {"A", "%41"};
    char expected[PASSWORD_MAX];

    (void)state;
    memset(expected, 'A', sizeof expected);
    for (size_t i = 0; i < COUNT(bytes); i++) {
        for (int slash = 0; slash < 2; slash++) {
            expect_password(repeat(bytes[i], 71, slash), expected, 71);
            expect_password(repeat(bytes[i], 72, slash), expected, 72);
            expect_problem(repeat(bytes[i], 73, slash), PROBLEM_UNPROCESSABLE_PASSWORD);
        }
    }
}

/* Around the decoder's buffer, which is 4096 bytes. */
static void test_very_long_paths_are_refused(void **state) {
    static const size_t counts[] = {1000, 1365, 1366, 4095, 4096, 4097, 5000};

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        expect_problem(repeat("A", counts[i], false), PROBLEM_UNPROCESSABLE_PASSWORD);
        expect_problem(repeat("A", counts[i], true), PROBLEM_UNPROCESSABLE_PASSWORD);
        expect_problem(repeat("%41", counts[i], false), PROBLEM_UNPROCESSABLE_PASSWORD);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_are_found_in_the_raw_uri),
        cmocka_unit_test(test_a_path_may_have_a_query_and_nothing_else),
        cmocka_unit_test(test_methods_are_those_of_the_contract),
        cmocka_unit_test(test_every_byte_can_be_written_as_an_escape),
        cmocka_unit_test(test_every_other_raw_byte_stands_for_itself),
        cmocka_unit_test(test_two_hexadecimal_digits_make_an_escape_and_nothing_else_does),
        cmocka_unit_test(test_escape_cut_short_is_broken),
        cmocka_unit_test(test_decoding_happens_exactly_once),
        cmocka_unit_test(test_path_syntax_is_legal_when_escaped),
        cmocka_unit_test(test_one_trailing_slash_is_not_part_of_the_password),
        cmocka_unit_test(test_query_is_refused_and_not_hashed),
        cmocka_unit_test(test_empty_password_is_refused),
        cmocka_unit_test(test_nul_is_refused_and_not_cut_at),
        cmocka_unit_test(test_length_is_that_of_the_decoded_bytes),
        cmocka_unit_test(test_very_long_paths_are_refused),
    };

    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
