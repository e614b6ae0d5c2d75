#include "support.h"

#include "problem.h"

static void test_each_kind_has_its_status_slug_and_title(void **state) {
    static const struct {
        enum problem_kind kind;
        unsigned status;
        const char *slug;
    } rows[] = {
        {PROBLEM_MALFORMED, 400, "malformed"},
        {PROBLEM_NOT_FOUND, 404, "not-found"},
        {PROBLEM_METHOD_NOT_ALLOWED, 405, "method-not-allowed"},
        {PROBLEM_TOO_LARGE, 413, "too-large"},
        {PROBLEM_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported-media-type"},
        {PROBLEM_UNPROCESSABLE_PASSWORD, 422, "unprocessable-password"},
        {PROBLEM_UNPROCESSABLE_COST, 422, "unprocessable-cost"},
        {PROBLEM_UNPROCESSABLE_HASH, 422, "unprocessable-hash"},
        {PROBLEM_INTERNAL, 500, "internal"},
        {PROBLEM_OVERLOADED, 503, "overloaded"},
    };

    (void)state;
    assert_int_equal(COUNT(rows), PROBLEM_KINDS - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(problem_status(rows[i].kind), rows[i].status);
        assert_string_equal(problem_slug(rows[i].kind), rows[i].slug);
        assert_true(strlen(problem_title(rows[i].kind)) > 0);
    }
}

static void test_set_formats_and_says_no(void **state) {
    struct problem problem = {0};

    (void)state;
    assert_int_equal(problem_set(&problem, PROBLEM_TOO_LARGE, "%d of %s", 7, "them"), -1);
    assert_int_equal(problem.kind, PROBLEM_TOO_LARGE);
    assert_string_equal(problem.detail, "7 of them");
}

static void test_long_detail_is_cut(void **state) {
    struct problem problem = {0};

    (void)state;
    problem_set(&problem, PROBLEM_INTERNAL, "%0500d", 1);
    assert_int_equal(strlen(problem.detail), PROBLEM_DETAIL_SIZE - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_has_its_status_slug_and_title),
        cmocka_unit_test(test_set_formats_and_says_no),
        cmocka_unit_test(test_long_detail_is_cut),
    };

    return cmocka_run_group_tests_name("problem", tests, NULL, NULL);
}
