#include "support.h"

#include "client.h"
#include "clock.h"
#include "details.h"
#include "request.h"

#include <unistd.h>

#define HASH "$2b$11$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"

/* What nginx sends; a NULL leaves the parameter out. */
struct sent {
    const char *method;
    const char *uri;
    const char *type;
    const char *body;
    const char *id;
    const char *start;
};

static int listen_fd;
static struct options options;

static int set_up(void **state) {
    (void)state;
    listen_fd = client_listen(8);
    options = support_options();
    options.cost = 12;
    options.min_cost = 10;
    options.max_cost = 13;
    return fcgi_init();
}

static int tear_down(void **state) {
    (void)state;
    return close(listen_fd);
}

static void add(struct client_param *params, size_t *count, const char *name, const char *value) {
    if (value == NULL)
        return;
    params[(*count)++] = (struct client_param){name, value};
}

/* Sends it and reads it as a worker does. Returns the kind of problem. */
static enum problem_kind exchange(const struct sent *sent, struct request *request,
                                  struct problem *problem) {
    const char *body = sent->body != NULL ? sent->body : "";
    struct client_param params[8] = {{NULL, NULL}};
    struct fcgi_connection connection = {0};
    size_t count = 0;
    int result;
    int fd;

    add(params, &count, "REQUEST_METHOD", sent->method);
    add(params, &count, "REQUEST_URI", sent->uri);
    add(params, &count, "CONTENT_TYPE", sent->type);
    add(params, &count, "REQUEST_ID", sent->id);
    add(params, &count, "REQUEST_START", sent->start);
    fd = client_request(listen_fd, params, body, strlen(body));
    memset(request, 0, sizeof *request);
    memset(problem, 0, sizeof *problem);
    assert_int_equal(support_accept(&connection, listen_fd, 5000), 0);
    request_identify(&connection, request);
    result = request_read(&connection, &options, request, problem);
    fcgi_finish(&connection);
    close(fd);
    assert_int_equal(result, problem->kind == PROBLEM_NONE ? 0 : -1);
    if (result < 0 && !details_known(problem->detail))
        fail_msg("an unknown detail: %s", problem->detail);
    return problem->kind;
}

static void expect_good(struct sent sent, struct request *request) {
    struct problem problem;

    if (exchange(&sent, request, &problem) != PROBLEM_NONE)
        fail_msg("%s %s: %s", sent.method, sent.uri, problem.detail);
}

static void expect_problem(struct sent sent, enum problem_kind kind, const char *allow) {
    struct request request;
    struct problem problem;
    const enum problem_kind found = exchange(&sent, &request, &problem);

    if (found != kind)
        fail_msg("%s %s %s: %s instead of %s", sent.method, sent.uri, sent.body,
                 problem_slug(found), problem_slug(kind));
    if (allow == NULL)
        assert_null(problem.allow);
    else
        assert_string_equal(problem.allow, allow);
}

static void expect_new_setting(const struct request *request, unsigned cost) {
    char start[8];

    snprintf(start, sizeof start, "$2b$%02u$", cost);
    assert_int_equal(request->cost, cost);
    assert_int_equal(strlen(request->setting), PASSWORD_SETTING_LEN);
    assert_memory_equal(request->setting, start, 7);
}

#define GET(path) ((struct sent){.method = "GET", .uri = (path)})
#define POST(path, text)                                                                           \
    ((struct sent){.method = "POST", .uri = (path), .type = "application/json", .body = (text)})

static void test_gethash_takes_the_path_and_the_default_cost(void **state) {
    struct request request;

    (void)state;
    expect_good(GET("/gethash/p%C3%A9%2F/"), &request);
    assert_int_equal(request.route, STATS_GETHASH);
    assert_string_equal(request.password.bytes, "p\xc3\xa9/");
    assert_int_equal(request.password.length, 4);
    expect_new_setting(&request, 12);
    expect_problem(GET("/gethash/"), PROBLEM_UNPROCESSABLE_PASSWORD, NULL);
    expect_problem(GET("/gethash/a%"), PROBLEM_MALFORMED, NULL);
    expect_problem(GET("/gethash/a/b"), PROBLEM_NOT_FOUND, NULL);
}

static void test_two_requests_never_share_a_salt(void **state) {
    struct request first;
    struct request second;

    (void)state;
    expect_good(GET("/gethash/same/"), &first);
    expect_good(GET("/gethash/same/"), &second);
    assert_string_not_equal(first.setting, second.setting);
}

static void test_gethash_can_be_switched_off(void **state) {
    (void)state;
    options.gethash = 0;
    expect_problem(GET("/gethash/p/"), PROBLEM_NOT_FOUND, NULL);
    expect_problem((struct sent){.method = "POST", .uri = "/gethash/p/"}, PROBLEM_NOT_FOUND, NULL);
    options.gethash = 1;
}

static void test_hash_takes_a_cost_within_the_range(void **state) {
    struct request request;

    (void)state;
    expect_good(POST("/v1/hash", "{\"password\":\"p\"}"), &request);
    assert_int_equal(request.route, STATS_HASH);
    assert_string_equal(request.password.bytes, "p");
    expect_new_setting(&request, 12);
    expect_good(POST("/v1/hash", "{\"password\":\"p\",\"cost\":10}"), &request);
    expect_new_setting(&request, 10);
    expect_good(POST("/v1/hash", "{\"password\":\"p\",\"cost\":13}"), &request);
    expect_new_setting(&request, 13);
}

static void test_cost_outside_of_the_range_is_refused(void **state) {
    static const char *const costs[] = {
        "9",
        "14",
        "0",
        "-12",
        "4",
        "31",
        "32",
        "268",
        "4294967308",
        "18446744073709551628",
        "9223372036854775820",
        "-4294967284",
        "340282366920938463463374607431768211468",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(costs); i++) {
        char body[128];

        snprintf(body, sizeof body, "{\"password\":\"p\",\"cost\":%s}", costs[i]);
        expect_problem(POST("/v1/hash", body), PROBLEM_UNPROCESSABLE_COST, NULL);
    }
}

static void test_verify_takes_the_hash_as_its_setting(void **state) {
    struct request request;

    (void)state;
    expect_good(POST("/v1/verify", "{\"password\":\"p\",\"hash\":\"" HASH "\"}"), &request);
    assert_int_equal(request.route, STATS_VERIFY);
    assert_int_equal(request.cost, 11);
    assert_string_equal(request.setting, HASH);
    assert_string_equal(request.password.bytes, "p");
}

/* A cheap hash must be verifiable, or it could never be replaced; a dear one must not be. */
static void test_verify_has_an_upper_limit_of_cost_only(void **state) {
    (void)state;
    for (unsigned cost = 4; cost <= 31; cost++) {
        struct request request;
        char body[160];

        snprintf(body, sizeof body,
                 "{\"password\":\"p\",\"hash\":"
                 "\"$2y$%02u$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234\"}",
                 cost);
        if (cost > 13) {
            expect_problem(POST("/v1/verify", body), PROBLEM_UNPROCESSABLE_COST, NULL);
            continue;
        }
        expect_good(POST("/v1/verify", body), &request);
        assert_int_equal(request.cost, cost);
    }
}

static void test_bodies_of_the_two_routes_are_not_mixed_up(void **state) {
    (void)state;
    expect_problem(POST("/v1/hash", "{\"password\":\"p\",\"hash\":\"" HASH "\"}"),
                   PROBLEM_MALFORMED, NULL);
    expect_problem(POST("/v1/verify", "{\"password\":\"p\",\"cost\":12}"), PROBLEM_MALFORMED, NULL);
    expect_problem(POST("/v1/verify", "{\"password\":\"p\",\"hash\":\"x\"}"),
                   PROBLEM_UNPROCESSABLE_HASH, NULL);
}

static void test_unknown_path_is_not_found_by_any_method(void **state) {
    static const char *const uris[] = {"/", "", "/v1", "/v1/hash/", "/gethash", "/status"};

    (void)state;
    for (size_t i = 0; i < COUNT(uris); i++) {
        expect_problem(GET(uris[i]), PROBLEM_NOT_FOUND, NULL);
        expect_problem(POST(uris[i], "{}"), PROBLEM_NOT_FOUND, NULL);
    }
    expect_problem((struct sent){.method = "GET"}, PROBLEM_NOT_FOUND, NULL);
}

static void test_other_methods_are_refused_with_allow(void **state) {
    static const char *const methods[] = {"HEAD", "PUT",  "DELETE", "OPTIONS",
                                          "get",  "post", "",       NULL};

    (void)state;
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct sent sent = {.method = methods[i], .uri = "/gethash/p/"};

        expect_problem(sent, PROBLEM_METHOD_NOT_ALLOWED, "GET");
        sent.uri = "/v1/hash";
        expect_problem(sent, PROBLEM_METHOD_NOT_ALLOWED, "POST");
        sent.uri = "/v1/verify";
        expect_problem(sent, PROBLEM_METHOD_NOT_ALLOWED, "POST");
    }
    expect_problem(POST("/gethash/p/", "{}"), PROBLEM_METHOD_NOT_ALLOWED, "GET");
    expect_problem(GET("/v1/hash"), PROBLEM_METHOD_NOT_ALLOWED, "POST");
}

static void test_content_type_must_be_json(void **state) {
    static const struct {
        const char *type;
        bool good;
    } rows[] = {
        {"application/json", true},
        {"Application/JSON", true},
        {"application/json; charset=utf-8", true},
        {"application/json;charset=utf-8", true},
        {"application/json ; charset=utf-8", true},
        {"", false},
        {NULL, false},
        {"text/plain", false},
        {"application/jsonp", false},
        {"application/json-patch+json", false},
        {"application/problem+json", false},
        {"application/x-www-form-urlencoded", false},
        {"text/plain; application/json", false},
        {"application/jso", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sent sent = POST("/v1/hash", "{\"password\":\"p\"}");
        struct request request;

        sent.type = rows[i].type;
        if (rows[i].good)
            expect_good(sent, &request);
        else
            expect_problem(sent, PROBLEM_UNSUPPORTED_MEDIA_TYPE, NULL);
    }
}

/* It would stand in access logs of whatever is in front. */
static void test_post_takes_no_query(void **state) {
    (void)state;
    expect_problem(POST("/v1/hash?cost=12", "{\"password\":\"p\"}"), PROBLEM_MALFORMED, NULL);
    expect_problem(POST("/v1/verify?", "{}"), PROBLEM_MALFORMED, NULL);
}

static void test_body_has_a_limit(void **state) {
    static char body[100000];
    static const char start[] = "{\"password\":\"p\"}";
    struct request request;

    (void)state;
    memset(body, ' ', sizeof body - 1);
    memcpy(body, start, sizeof start - 1);
    expect_problem(POST("/v1/hash", body), PROBLEM_TOO_LARGE, NULL);
    body[4097] = '\0';
    expect_problem(POST("/v1/hash", body), PROBLEM_TOO_LARGE, NULL);
    body[4096] = '\0';
    expect_good(POST("/v1/hash", body), &request);
}

/* Also a GET, though its body is empty: who did not finish sending does not wait for an answer. */
static void test_body_that_did_not_arrive_whole_is_refused(void **state) {
    static const struct client_param post[] = {{"REQUEST_METHOD", "POST"},
                                               {"REQUEST_URI", "/v1/hash"},
                                               {"CONTENT_TYPE", "application/json"},
                                               {NULL, NULL}};
    static const struct client_param get[] = {
        {"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/gethash/p/"}, {NULL, NULL}};
    static const struct {
        const struct client_param *params;
        const char *body;
    } rows[] = {{post, "{\"password\":\"p\"}"}, {get, ""}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned char bytes[1024];
        const size_t length =
            client_build(bytes, sizeof bytes, rows[i].params, rows[i].body, strlen(rows[i].body));
        struct fcgi_connection connection = {0};
        struct problem problem = {0};
        struct request request = {0};
        const int fd = client_connect(listen_fd);

        client_send(fd, bytes, length - 8, true);
        assert_int_equal(support_accept(&connection, listen_fd, 5000), 0);
        request_identify(&connection, &request);
        assert_int_equal(request_read(&connection, &options, &request, &problem), -1);
        assert_int_equal(problem.kind, PROBLEM_MALFORMED);
        fcgi_finish(&connection);
        close(fd);
    }
}

static void test_request_id_is_taken_when_it_is_one(void **state) {
    static char longest[REQUEST_ID_SIZE];
    static char too_long[REQUEST_ID_SIZE + 1];
    const struct {
        const char *sent;
        const char *taken;
    } rows[] = {
        {"0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"},
        {"Az_-9", "Az_-9"},
        {longest, longest},
        {too_long, "-"},
        {NULL, "-"},
        {"", "-"},
        {"a b", "-"},
        {"a\nb", "-"},
        {"a\"b", "-"},
        {"\xc3\xa9", "-"},
        {"../a", "-"},
    };

    (void)state;
    memset(longest, 'i', sizeof longest - 1);
    memset(too_long, 'i', sizeof too_long - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sent sent = GET("/gethash/p/");
        struct request request;

        sent.id = rows[i].sent;
        expect_good(sent, &request);
        assert_string_equal(request.id, rows[i].taken);
    }
}

static void test_wait_comes_from_the_start_that_nginx_sends(void **state) {
    struct sent sent = GET("/gethash/p/");
    struct request request;
    char start[32];
    const uint64_t then_ms = clock_realtime_ms() - 5000;
    uint64_t spent_ms;

    (void)state;
    snprintf(start, sizeof start, "%llu.%03llu", (unsigned long long)then_ms / 1000,
             (unsigned long long)then_ms % 1000);
    sent.start = start;
    expect_good(sent, &request);
    spent_ms = clock_realtime_ms() - then_ms;
    assert_in_range(request.wait_ns / CLOCK_NS_PER_MS, 5000, spent_ms);
    assert_true(request.accepted_ns > 0 && request.accepted_ns <= clock_monotonic_ns());
    sent.start = NULL;
    expect_good(sent, &request);
    assert_int_equal(request.wait_ns, 0);
}

/* Also a request that is refused is counted and logged by what it was. */
static void test_refused_request_is_identified_all_the_same(void **state) {
    struct sent sent = POST("/v1/verify", "nonsense");
    struct request request;
    struct problem problem;

    (void)state;
    sent.id = "abc";
    assert_int_equal(exchange(&sent, &request, &problem), PROBLEM_MALFORMED);
    assert_int_equal(request.route, STATS_VERIFY);
    assert_string_equal(request.id, "abc");
}

static void test_wipe_leaves_nothing(void **state) {
    static const struct request zero;
    struct request request;

    (void)state;
    expect_good(GET("/gethash/secret/"), &request);
    request_wipe(&request);
    assert_memory_equal(&request, &zero, sizeof request);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gethash_takes_the_path_and_the_default_cost),
        cmocka_unit_test(test_two_requests_never_share_a_salt),
        cmocka_unit_test(test_gethash_can_be_switched_off),
        cmocka_unit_test(test_hash_takes_a_cost_within_the_range),
        cmocka_unit_test(test_cost_outside_of_the_range_is_refused),
        cmocka_unit_test(test_verify_takes_the_hash_as_its_setting),
        cmocka_unit_test(test_verify_has_an_upper_limit_of_cost_only),
        cmocka_unit_test(test_bodies_of_the_two_routes_are_not_mixed_up),
        cmocka_unit_test(test_unknown_path_is_not_found_by_any_method),
        cmocka_unit_test(test_other_methods_are_refused_with_allow),
        cmocka_unit_test(test_content_type_must_be_json),
        cmocka_unit_test(test_post_takes_no_query),
        cmocka_unit_test(test_body_has_a_limit),
        cmocka_unit_test(test_body_that_did_not_arrive_whole_is_refused),
        cmocka_unit_test(test_request_id_is_taken_when_it_is_one),
        cmocka_unit_test(test_wait_comes_from_the_start_that_nginx_sends),
        cmocka_unit_test(test_refused_request_is_identified_all_the_same),
        cmocka_unit_test(test_wipe_leaves_nothing),
    };

    return cmocka_run_group_tests_name("request", tests, set_up, tear_down);
}
