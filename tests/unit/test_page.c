#include "support.h"

#include "client.h"
#include "page.h"

#include <ctype.h>
#include <unistd.h>

static const struct client_param no_params[] = {{NULL, NULL}};
static int listen_fd;
static struct client_reply reply;

/* Leaves the page in reply. */
static int set_up(void **state) {
    struct fcgi_connection connection = {.open = false};
    char waste[1];
    int fd;

    (void)state;
    assert_int_equal(fcgi_init(), 0);
    listen_fd = client_listen(8);
    fd = client_request(listen_fd, no_params, "", 0);
    assert_int_equal(support_accept(&connection, listen_fd, 5000), 0);
    assert_int_equal(fcgi_read_body(&connection, waste, sizeof waste), 0);
    assert_int_equal(page_reply(&connection), 0);
    fcgi_finish(&connection);
    client_receive(fd, &reply);
    assert_true(reply.complete);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return close(listen_fd);
}

static void test_the_page_comes_whole_as_html(void **state) {
    const char *end = "</html>\n";

    (void)state;
    assert_int_equal(client_status(&reply), 200);
    assert_string_equal(client_header(&reply, "Content-Type"), "text/html; charset=utf-8");
    assert_string_equal(client_header(&reply, "Cache-Control"), "no-cache");
    assert_int_equal(strlen(reply.body), reply.length);
    assert_memory_equal(reply.body, "<!doctype html>", 15);
    assert_string_equal(reply.body + reply.length - strlen(end), end);
}

static unsigned count(const char *text, const char *part) {
    unsigned found = 0;

    for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part))
        found++;
    return found;
}

static void test_the_page_is_one_file(void **state) {
    (void)state;
    assert_int_equal(count(reply.body, "<style"), 1);
    assert_int_equal(count(reply.body, "<script"), 1);
    assert_int_equal(count(reply.body, "<link"), 1);
    assert_int_equal(count(reply.body, "@STYLE@") + count(reply.body, "@SCRIPT@"), 0);
    assert_int_equal(count(reply.body, " src=") + count(reply.body, "@import"), 0);
    assert_int_equal(count(reply.body, "https:"), 0);
    /* Each of these names the language SVG, and is never asked for. */
    assert_int_equal(count(reply.body, "http:"), count(reply.body, "http://www.w3.org/2000/svg"));
}

/* The directive's value is one quoted SHA-256 in base64. */
static void assert_hash(const char *policy, const char *directive) {
    const char *value = strstr(policy, directive);

    assert_non_null(value);
    value += strlen(directive);
    assert_memory_equal(value, " 'sha256-", 9);
    value += 9;
    for (unsigned i = 0; i < 43; i++)
        assert_true(isalnum((unsigned char)value[i]) || value[i] == '+' || value[i] == '/');
    assert_memory_equal(value + 43, "=';", 3);
}

static void test_the_policy_allows_its_own_style_and_script_alone(void **state) {
    const char *policy = client_header(&reply, "Content-Security-Policy");

    (void)state;
    assert_non_null(policy);
    assert_memory_equal(policy, "default-src 'none';", 19);
    assert_hash(policy, "style-src");
    assert_hash(policy, "script-src");
    assert_null(strstr(policy, "unsafe"));
    assert_null(strstr(policy, "http"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_the_page_comes_whole_as_html),
        TEST(test_the_page_is_one_file),
        TEST(test_the_policy_allows_its_own_style_and_script_alone),
    };

    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
