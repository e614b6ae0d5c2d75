#include "support.h"

#include "client.h"
#include "reply.h"

#include <json-c/json.h>
#include <unistd.h>

#define HASH "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK"
#define SALT_HEX "243262243034244343434343434343434343434343434343434343432e"
#define HASH_HEX SALT_HEX "4b375172307365314d7875676748346150345967422e5532456d317047534b"

static const struct client_param no_params[] = {{NULL, NULL}};
static int listen_fd;
static struct options options;

static int set_up(void **state) {
    (void)state;
    listen_fd = client_listen(8);
    options = support_options();
    options.cost = 4;
    return fcgi_init();
}

static int tear_down(void **state) {
    (void)state;
    return close(listen_fd);
}

/* Opens a connection with a request read to its end, ready for its reply. */
static int begin(struct fcgi_connection *connection) {
    const int fd = client_request(listen_fd, no_params, "", 0);
    char waste[1];

    memset(connection, 0, sizeof *connection);
    assert_int_equal(support_accept(connection, listen_fd, 5000), 0);
    assert_int_equal(fcgi_read_body(connection, waste, sizeof waste), 0);
    return fd;
}

static void answer_hash(enum stats_route route, unsigned cost, const char *setting,
                        const char *hash, struct client_reply *ret) {
    struct fcgi_connection connection;
    struct request request = {.route = route, .cost = cost};
    const int fd = begin(&connection);

    strcpy(request.setting, setting);
    assert_int_equal(reply_hash(&connection, &request, &options, hash), 200);
    fcgi_finish(&connection);
    client_receive(fd, ret);
    assert_true(ret->complete);
    assert_string_equal(client_header(ret, "Status"), "200 OK");
    assert_string_equal(client_header(ret, "Content-Type"), "application/json");
    assert_string_equal(client_header(ret, "Cache-Control"), "no-store");
}

/* The body is one JSON object; its members in their order, as "name=value;". */
static const char *members(const struct client_reply *reply) {
    static char text[1024];
    struct json_object *object = json_tokener_parse(reply->body);

    text[0] = '\0';
    assert_true(json_object_is_type(object, json_type_object));
    json_object_object_foreach(object, name, value) {
        const size_t used = strlen(text);

        snprintf(text + used, sizeof text - used, "%s=%s;", name, json_object_get_string(value));
    }
    json_object_put(object);
    return text;
}

static void test_gethash_answers_hex_of_the_ascii_bytes_salt_first(void **state) {
    static struct client_reply reply;

    (void)state;
    answer_hash(STATS_GETHASH, 4, HASH, HASH, &reply);
    assert_string_equal(members(&reply), "salt=" SALT_HEX ";hash=" HASH_HEX ";");
    assert_int_equal(strlen(SALT_HEX), 58);
    assert_int_equal(strlen(HASH_HEX), 120);
}

static void test_hash_answers_hash_salt_and_cost(void **state) {
    static struct client_reply reply;

    (void)state;
    answer_hash(STATS_HASH, 4, HASH, HASH, &reply);
    assert_string_equal(members(&reply),
                        "hash=" HASH ";salt=$2b$04$CCCCCCCCCCCCCCCCCCCCC.;cost=4;");
}

static void test_verify_answers_match_and_needs_rehash(void **state) {
    static const struct {
        const char *stored;
        const char *computed;
        const char *expected;
    } rows[] = {
        {HASH, HASH, "match=true;needs_rehash=false;"},
        {HASH, "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSL",
         "match=false;needs_rehash=false;"},
        {"$2a$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK",
         "$2a$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK",
         "match=true;needs_rehash=true;"},
        {"$2y$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK",
         "$2y$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK",
         "match=true;needs_rehash=true;"},
        /* Unused bits of the salt's last character, which libxcrypt clears. */
        {"$2b$04$CCCCCCCCCCCCCCCCCCCCCAK7Qr0se1MxuggH4aP4YgB.U2Em1pGSK", HASH,
         "match=true;needs_rehash=false;"},
    };
    static struct client_reply reply;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        answer_hash(STATS_VERIFY, 4, rows[i].stored, rows[i].computed, &reply);
        assert_string_equal(members(&reply), rows[i].expected);
    }
    options.cost = 5;
    answer_hash(STATS_VERIFY, 4, HASH, HASH, &reply);
    assert_string_equal(members(&reply), "match=true;needs_rehash=true;");
    options.cost = 4;
}

/* Nothing that verify answers may help to find the password. */
static void test_verify_answers_no_hash(void **state) {
    static struct client_reply reply;

    (void)state;
    answer_hash(STATS_VERIFY, 4, HASH, HASH, &reply);
    assert_null(strchr(reply.body, '$'));
}

static void answer_problem(const struct problem *problem, const char *id,
                           struct client_reply *ret) {
    struct fcgi_connection connection;
    const int fd = begin(&connection);

    assert_int_equal(reply_problem(&connection, id, problem), problem_status(problem->kind));
    fcgi_finish(&connection);
    client_receive(fd, ret);
    assert_true(ret->complete);
    assert_int_equal(client_status(ret), problem_status(problem->kind));
    assert_string_equal(client_header(ret, "Content-Type"), "application/problem+json");
    assert_string_equal(client_header(ret, "Cache-Control"), "no-store");
}

static void test_every_problem_is_an_rfc_9457_document(void **state) {
    (void)state;
    for (enum problem_kind kind = PROBLEM_NONE + 1; kind < PROBLEM_KINDS; kind++) {
        static struct client_reply reply;
        struct problem problem = {0};
        char expected[512];

        problem_set(&problem, kind, "A \"detail\".");
        answer_problem(&problem, "0123abcd", &reply);
        snprintf(expected, sizeof expected,
                 "type=/problems/%s;title=%s;status=%u;detail=A \"detail\".;request_id=0123abcd;",
                 problem_slug(kind), problem_title(kind), problem_status(kind));
        assert_string_equal(members(&reply), expected);
    }
}

static void test_retry_after_comes_with_503_alone(void **state) {
    (void)state;
    for (enum problem_kind kind = PROBLEM_NONE + 1; kind < PROBLEM_KINDS; kind++) {
        static struct client_reply reply;
        struct problem problem = {0};

        problem_set(&problem, kind, "x");
        answer_problem(&problem, "-", &reply);
        if (kind == PROBLEM_OVERLOADED)
            assert_string_equal(client_header(&reply, "Retry-After"), "1");
        else
            assert_null(client_header(&reply, "Retry-After"));
        assert_null(client_header(&reply, "Allow"));
    }
}

static void test_allow_comes_with_the_problem_that_has_it(void **state) {
    static struct client_reply reply;
    struct problem problem = {.allow = "GET"};

    (void)state;
    problem_set(&problem, PROBLEM_METHOD_NOT_ALLOWED, "x");
    answer_problem(&problem, "-", &reply);
    assert_string_equal(client_header(&reply, "Allow"), "GET");
}

static void test_client_that_left_is_told(void **state) {
    const struct request request = {.route = STATS_HASH, .cost = 4};
    struct fcgi_connection connection;
    struct problem problem = {0};

    (void)state;
    close(begin(&connection));
    assert_int_equal(reply_hash(&connection, &request, &options, HASH), 499);
    fcgi_finish(&connection);
    problem_set(&problem, PROBLEM_MALFORMED, "x");
    close(begin(&connection));
    assert_int_equal(reply_problem(&connection, "-", &problem), 499);
    fcgi_finish(&connection);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gethash_answers_hex_of_the_ascii_bytes_salt_first),
        cmocka_unit_test(test_hash_answers_hash_salt_and_cost),
        cmocka_unit_test(test_verify_answers_match_and_needs_rehash),
        cmocka_unit_test(test_verify_answers_no_hash),
        cmocka_unit_test(test_every_problem_is_an_rfc_9457_document),
        cmocka_unit_test(test_retry_after_comes_with_503_alone),
        cmocka_unit_test(test_allow_comes_with_the_problem_that_has_it),
        cmocka_unit_test(test_client_that_left_is_told),
    };

    return cmocka_run_group_tests_name("reply", tests, set_up, tear_down);
}
