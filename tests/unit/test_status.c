#include "support.h"

#include "child.h"
#include "client.h"
#include "log.h"
#include "status.h"

#include <json-c/json.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static struct options options;
static struct listener listener;
static struct scoreboard *scoreboard;
static int ready_fd;
static pid_t process;
static struct client_reply reply;

static int run(void *context) {
    (void)context;
    EXPECT(child_init(getppid()) == 0);
    return status_run(&options, &listener, scoreboard, ready_fd);
}

static int set_up(void **state) {
    (void)state;
    log_init(OPTIONS_LOG_JSON, LOG_ERR);
    options = support_options();
    options.workers = 2;
    options.read_timeout_ms = 50;
    listener = (struct listener){.pool_size = 1};
    listener.pool[0] = client_listen(9);
    listener.status = client_listen(8);
    strcpy(listener.pool_path[0], "/somewhere/pool-0.sock");
    strcpy(listener.status_path, "/somewhere/status.sock");
    ready_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(scoreboard_create(2, &scoreboard), 0);
    scoreboard_set_state(&scoreboard->slot[1], SCOREBOARD_BUSY);
    process = support_start(run, NULL);
    support_await(ready_fd);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    kill(process, SIGTERM);
    assert_int_equal(support_wait(process), 0);
    scoreboard_free(&scoreboard);
    close(listener.pool[0]);
    close(listener.status);
    close(ready_fd);
    return 0;
}

/* Asks for a path; returns the status. */
static unsigned ask_cached(const char *method, const char *uri, const char *accept,
                           const char *cache_control) {
    const struct client_param params[] = {
        {"REQUEST_METHOD", method}, {"REQUEST_URI", uri}, {"HTTP_ACCEPT", accept}, {NULL, NULL}};

    client_receive(client_request(listener.status, params, "", 0), &reply);
    assert_true(reply.complete);
    assert_string_equal(client_header(&reply, "Cache-Control"), cache_control);
    return client_status(&reply);
}

static unsigned ask(const char *method, const char *uri, const char *accept) {
    return ask_cached(method, uri, accept, "no-store");
}

static unsigned get(const char *uri) {
    return ask("GET", uri, "");
}

static void test_livez_says_live(void **state) {
    (void)state;
    assert_int_equal(get("/livez"), 200);
    assert_string_equal(reply.body, "{\"status\":\"live\"}");
    assert_string_equal(client_header(&reply, "Content-Type"), "application/json");
    assert_int_equal(ask("HEAD", "/livez", ""), 200);
    assert_int_equal(get("/livez?verbose"), 200);
}

static void test_readyz_follows_workers_and_draining(void **state) {
    (void)state;
    assert_int_equal(get("/readyz"), 200);
    assert_string_equal(reply.body, "{\"status\":\"ready\"}");
    scoreboard_set_state(&scoreboard->slot[1], SCOREBOARD_STARTING);
    assert_int_equal(get("/readyz"), 503);
    assert_string_equal(reply.body, "{\"status\":\"no worker is up\"}");
    scoreboard_set_state(&scoreboard->slot[2], SCOREBOARD_IDLE);
    assert_int_equal(get("/readyz"), 200);
    atomic_store(&scoreboard->master->draining, 1);
    assert_int_equal(get("/readyz"), 503);
    assert_string_equal(reply.body, "{\"status\":\"draining\"}");
    assert_int_equal(get("/livez"), 200);
}

static void test_metrics_come_in_the_format_asked_for(void **state) {
    (void)state;
    assert_int_equal(get("/metrics"), 200);
    assert_string_equal(client_header(&reply, "Content-Type"),
                        "text/plain; version=0.0.4; charset=utf-8");
    assert_true(support_has_line(reply.body, "bcryptd_workers_max 2"));
    assert_null(strstr(reply.body, "# EOF"));
    assert_int_equal(ask("GET", "/metrics", "application/openmetrics-text; version=1.0.0"), 200);
    assert_string_equal(client_header(&reply, "Content-Type"),
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_true(support_has_line(reply.body, "# EOF"));
}

static void test_metrics_show_the_listen_queues(void **state) {
    const int waiting = client_connect(listener.pool[0]);

    (void)state;
    assert_int_equal(get("/metrics"), 200);
    assert_true(
        support_has_line(reply.body, "bcryptd_listen_queue_depth{socket=\"pool-0.sock\"} 1"));
    assert_true(
        support_has_line(reply.body, "bcryptd_listen_queue_limit{socket=\"pool-0.sock\"} 9"));
    close(waiting);
}

static struct json_object *member(struct json_object *object, const char *name) {
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(object, name, &value))
        fail_msg("there is no \"%s\"", name);
    return value;
}

static void test_status_has_a_row_a_worker(void **state) {
    struct json_object *object;
    struct json_object *workers;
    struct json_object *sockets;

    (void)state;
    atomic_store(&scoreboard->slot[1].pid, 4711);
    stats_count_request(&scoreboard->slot[1].stats, STATS_HASH, 200);
    assert_int_equal(get("/status"), 200);
    object = json_tokener_parse(reply.body);
    assert_true(json_object_is_type(object, json_type_object));
    assert_int_equal(json_object_get_int(member(object, "workers_up")), 1);
    assert_int_equal(json_object_get_int(member(object, "workers_max")), 2);
    assert_false(json_object_get_boolean(member(object, "draining")));
    workers = member(object, "workers");
    assert_int_equal(json_object_array_length(workers), 2);
    workers = json_object_array_get_idx(workers, 0);
    assert_int_equal(json_object_get_int(member(workers, "pid")), 4711);
    assert_string_equal(json_object_get_string(member(workers, "state")), "busy");
    assert_int_equal(json_object_get_int(member(workers, "requests")), 1);
    sockets = member(object, "sockets");
    assert_int_equal(json_object_array_length(sockets), 2);
    assert_string_equal(
        json_object_get_string(member(json_object_array_get_idx(sockets, 1), "socket")),
        "status.sock");
    json_object_put(object);
}

static void test_the_root_is_the_page(void **state) {
    (void)state;
    assert_int_equal(ask_cached("GET", "/", "", "no-cache"), 200);
    assert_string_equal(client_header(&reply, "Content-Type"), "text/html; charset=utf-8");
    assert_int_equal(ask_cached("HEAD", "/", "", "no-cache"), 200);
    assert_int_equal(ask_cached("GET", "/?pause", "", "no-cache"), 200);
    /* It is there in a stop, too, which it tells of. */
    atomic_store(&scoreboard->master->draining, 1);
    assert_int_equal(ask_cached("GET", "/", "", "no-cache"), 200);
}

static void test_other_paths_and_methods_are_refused(void **state) {
    (void)state;
    assert_int_equal(get("//"), 404);
    assert_int_equal(get("/index.html"), 404);
    assert_int_equal(get(""), 404);
    assert_int_equal(get("/livez/"), 404);
    assert_int_equal(get("/gethash/p/"), 404);
    assert_null(client_header(&reply, "Allow"));
    assert_int_equal(ask("POST", "/", ""), 405);
    assert_int_equal(ask("POST", "/livez", ""), 405);
    assert_string_equal(client_header(&reply, "Allow"), "GET, HEAD");
}

/* One broken connection must not keep the next from its answer. */
static void test_broken_and_silent_peers_are_counted_and_passed_over(void **state) {
    const int silent = client_connect(listener.status);
    const int broken = client_connect(listener.status);
    const struct stats *stats = &scoreboard->slot[0].stats;

    (void)state;
    client_send(broken, "GET /livez HTTP/1.1\r\n\r\n", 23, true);
    assert_int_equal(get("/livez"), 200);
    assert_int_equal(stats_get(&stats->fcgi_errors[STATS_FCGI_TIMEOUT]), 1);
    assert_int_equal(stats_get(&stats->fcgi_errors[STATS_FCGI_PROTOCOL]), 1);
    close(silent);
    close(broken);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_livez_says_live),
        TEST(test_readyz_follows_workers_and_draining),
        TEST(test_metrics_come_in_the_format_asked_for),
        TEST(test_metrics_show_the_listen_queues),
        TEST(test_status_has_a_row_a_worker),
        TEST(test_the_root_is_the_page),
        TEST(test_other_paths_and_methods_are_refused),
        TEST(test_broken_and_silent_peers_are_counted_and_passed_over),
    };

    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
