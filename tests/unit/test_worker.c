#include "support.h"

#include "child.h"
#include "client.h"
#include "clock.h"
#include "log.h"
#include "worker.h"

#include <crypt.h>
#include <json-c/json.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define POOL 2
#define LANES 4

static struct options options;
static struct listener listener;
static struct scoreboard *scoreboard;
static struct stats *stats;
static enum stats_engine label; /* of what computes */
static int ready_fd;
static struct client_reply reply;

static int run(void *context) {
    (void)context;
    EXPECT(child_init(getppid()) == 0);
    return worker_run(&options, &listener, &scoreboard->slot[1], 1, ready_fd);
}

static int set_up_engine(enum options_engine engine) {
    const int niceness = getpriority(PRIO_PROCESS, 0);

    log_init(OPTIONS_LOG_JSON, LOG_CRIT);
    options = support_options();
    options.engine = engine;
    options.lanes = engine == OPTIONS_ENGINE_LANES ? LANES : 1;
    options.cross_check_every = 3;
    label = engine == OPTIONS_ENGINE_LANES ? STATS_LANES : STATS_LIBXCRYPT;
    options.cost = options.min_cost = 4;
    options.max_cost = 14;
    /* Without root it can only grow. */
    options.worker_nice = niceness > 0 ? (unsigned)niceness : 0;
    listener = (struct listener){.pool_size = POOL, .status = -1};
    for (unsigned i = 0; i < POOL; i++)
        listener.pool[i] = client_listen(16);
    ready_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(scoreboard_create(1, &scoreboard), 0);
    stats = &scoreboard->slot[1].stats;
    return 0;
}

static int set_up(void **state) {
    (void)state;
    return set_up_engine(OPTIONS_ENGINE_LIBXCRYPT);
}

static int set_up_lanes(void **state) {
    (void)state;
    return set_up_engine(OPTIONS_ENGINE_LANES);
}

static int tear_down(void **state) {
    (void)state;
    scoreboard_free(&scoreboard);
    for (unsigned i = 0; i < POOL; i++)
        close(listener.pool[i]);
    close(ready_fd);
    return 0;
}

static pid_t start(void) {
    const pid_t pid = support_start(run, NULL);

    support_await(ready_fd);
    return pid;
}

/* Ends the worker in the orderly way. */
static void stop(pid_t pid) {
    kill(pid, SIGTERM);
    assert_int_equal(support_wait(pid), 0);
}

static int send_get(unsigned socket, const char *uri, const char *started) {
    const struct client_param params[] = {
        {"REQUEST_METHOD", "GET"}, {"REQUEST_URI", uri}, {"REQUEST_START", started}, {NULL, NULL}};

    return client_request(listener.pool[socket], params, "", 0);
}

static int send_post(const char *uri, const char *body) {
    const struct client_param params[] = {{"REQUEST_METHOD", "POST"},
                                          {"REQUEST_URI", uri},
                                          {"CONTENT_TYPE", "application/json"},
                                          {NULL, NULL}};

    return client_request(listener.pool[0], params, body, strlen(body));
}

static unsigned receive(int fd) {
    client_receive(fd, &reply);
    assert_true(reply.complete);
    return client_status(&reply);
}

/* A text member of the reply. */
static const char *member(const char *name) {
    static char text[256];
    struct json_object *object = json_tokener_parse(reply.body);
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(object, name, &value))
        fail_msg("there is no \"%s\" in %s", name, reply.body);
    snprintf(text, sizeof text, "%s", json_object_get_string(value));
    json_object_put(object);
    return text;
}

static int run_nicer(void *context) {
    EXPECT(setpriority(PRIO_PROCESS, 0, (int)options.worker_nice + 1) == 0);
    return run(context);
}

static void test_niceness_is_given_and_never_taken_back(void **state) {
    pid_t pid;

    (void)state;
    options.worker_nice++;
    pid = start();
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)pid), options.worker_nice);
    stop(pid);
    pid = support_start(run_nicer, NULL);
    support_await(ready_fd);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)pid), options.worker_nice + 1);
    stop(pid);
}

static void test_every_route_is_served(void **state) {
    const pid_t pid = start();
    struct crypt_data work = {0};
    char hash[64];
    char body[256];

    (void)state;
    assert_int_equal(scoreboard_get_state(&scoreboard->slot[1]), SCOREBOARD_IDLE);
    assert_int_equal(receive(send_post("/v1/hash", "{\"password\":\"p\\u00e9\",\"cost\":5}")), 200);
    snprintf(hash, sizeof hash, "%s", member("hash"));
    assert_memory_equal(hash, "$2b$05$", 7);
    assert_string_equal(crypt_rn("p\xc3\xa9", hash, &work, sizeof work), hash);

    snprintf(body, sizeof body, "{\"password\":\"p\\u00e9\",\"hash\":\"%s\"}", hash);
    assert_int_equal(receive(send_post("/v1/verify", body)), 200);
    assert_string_equal(member("match"), "true");
    snprintf(body, sizeof body, "{\"password\":\"pe\",\"hash\":\"%s\"}", hash);
    assert_int_equal(receive(send_post("/v1/verify", body)), 200);
    assert_string_equal(member("match"), "false");

    for (unsigned socket = 0; socket < POOL; socket++) {
        assert_int_equal(receive(send_get(socket, "/gethash/p/", "")), 200);
        assert_int_equal(strlen(member("salt")), 58);
        assert_int_equal(strlen(member("hash")), 120);
    }
    stop(pid);
    assert_int_equal(stats_get(&stats->completed[label][5]), 3);
    assert_int_equal(stats_get(&stats->completed[label][4]), 2);
    assert_int_equal(stats_get(&stats->submitted[label][5]), 3);
    assert_int_equal(stats_all_requests(stats), 5);
}

static void test_problems_are_answered_without_a_hash(void **state) {
    const pid_t pid = start();

    (void)state;
    assert_int_equal(receive(send_get(0, "/", "")), 404);
    assert_int_equal(receive(send_get(0, "/v1/hash", "")), 405);
    assert_int_equal(receive(send_post("/v1/hash", "{}")), 400);
    assert_int_equal(receive(send_post("/v1/hash", "{\"password\":\"p\",\"cost\":15}")), 422);
    stop(pid);
    assert_int_equal(stats_all_requests(stats), 4);
    for (unsigned cost = 0; cost < STATS_COSTS; cost++)
        assert_int_equal(stats_get(&stats->submitted[label][cost]), 0);
}

static void test_request_past_its_deadline_is_shed(void **state) {
    const pid_t pid = start();

    (void)state;
    assert_int_equal(receive(send_get(0, "/gethash/p/", "1000000000.000")), 503);
    assert_string_equal(client_header(&reply, "Retry-After"), "1");
    assert_string_equal(member("type"), "/problems/overloaded");
    /* A broken request is told so however long it waited. */
    assert_int_equal(receive(send_get(0, "/gethash/%/", "1000000000.000")), 400);
    assert_int_equal(receive(send_get(0, "/gethash/p/", "9999999999.000")), 200);
    stop(pid);
    assert_int_equal(stats_get(&stats->shed[STATS_SHED_DEADLINE]), 1);
    assert_int_equal(stats_get(&stats->submitted[label][4]), 1);
}

static void test_no_hash_for_a_client_that_left(void **state) {
    pid_t pid;
    int fd;

    (void)state;
    /* It left while it waited: there is no worker yet. */
    close(send_get(0, "/gethash/p/", ""));
    fd = send_get(0, "/gethash/p/", "");
    pid = start();
    assert_int_equal(receive(fd), 200);
    stop(pid);
    assert_int_equal(stats_get(&stats->shed[STATS_SHED_CLIENT_GONE]), 1);
    assert_int_equal(stats_get(&stats->submitted[label][4]), 1);
    assert_int_equal(stats_all_requests(stats), 2);
}

static void test_broken_and_silent_peers_are_counted_and_passed_over(void **state) {
    const int silent = client_connect(listener.pool[0]);
    const int broken = client_connect(listener.pool[0]);
    pid_t pid;

    (void)state;
    client_send(broken, "GET / HTTP/1.1\r\n\r\n", 18, true);
    options.read_timeout_ms = 50;
    pid = start();
    assert_int_equal(receive(send_get(0, "/gethash/p/", "")), 200);
    stop(pid);
    assert_int_equal(stats_get(&stats->fcgi_errors[STATS_FCGI_TIMEOUT]), 1);
    assert_int_equal(stats_get(&stats->fcgi_errors[STATS_FCGI_PROTOCOL]), 1);
    close(silent);
    close(broken);
}

/* The master kills what is busy for too long; who waits for a peer's bytes must look so. */
static void test_worker_is_busy_while_it_reads_from_a_peer(void **state) {
    const struct scoreboard_slot *slot = &scoreboard->slot[1];
    pid_t pid;
    int silent;

    (void)state;
    options.read_timeout_ms = 60000;
    pid = start();
    silent = client_connect(listener.pool[0]);
    while (scoreboard_get_state(slot) != SCOREBOARD_BUSY)
        sched_yield();
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    close(silent);
    stop(pid);
}

static void test_worker_leaves_after_its_requests(void **state) {
    pid_t pid;
    int status;

    (void)state;
    options.max_requests = 3;
    options.max_requests_jitter = 0;
    pid = start();
    for (int i = 0; i < 3; i++)
        assert_int_equal(receive(send_get(0, "/gethash/p/", "")), 200);
    status = support_wait(pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WORKER_EXIT_RECYCLED);
    assert_int_equal(stats_all_requests(stats), 3);
}

/* From sockets that are nobody else's, what already waits is served before the end. */
static void test_stop_serves_what_waits_on_own_sockets(void **state) {
    int waiting[6];
    pid_t pid;

    (void)state;
    for (unsigned i = 0; i < COUNT(waiting); i++)
        waiting[i] = send_get(i % POOL, "/gethash/p/", "");
    pid = start();
    kill(pid, SIGTERM);
    for (unsigned i = 0; i < COUNT(waiting); i++)
        assert_int_equal(receive(waiting[i]), 200);
    assert_int_equal(support_wait(pid), 0);
}

static void test_times_are_observed(void **state) {
    const pid_t pid = start();
    const uint64_t then_ms = clock_realtime_ms() - 3;
    char started[32];

    (void)state;
    snprintf(started, sizeof started, "%llu.%03llu", (unsigned long long)then_ms / 1000,
             (unsigned long long)then_ms % 1000);
    assert_int_equal(receive(send_get(0, "/gethash/p/", started)), 200);
    stop(pid);
    assert_true(stats_get(&stats->timing[STATS_QUEUE_WAIT].sum_ns) >= 3 * CLOCK_NS_PER_MS);
    assert_true(stats_get(&stats->timing[STATS_HASH_DURATION].sum_ns) > 0);
    assert_true(stats_get(&stats->timing[STATS_DURATION].sum_ns) >
                stats_get(&stats->timing[STATS_QUEUE_WAIT].sum_ns));
}

/* More than there are lanes, of two costs; each is answered with its own hash. */
static void test_many_at_once_are_answered_right(void **state) {
    static struct crypt_data work;
    int waiting[3 * LANES];
    pid_t pid;

    (void)state;
    for (unsigned i = 0; i < COUNT(waiting); i++) {
        char body[64];

        snprintf(body, sizeof body, "{\"password\":\"word %u\",\"cost\":%u}", i, 4 + i % 3);
        waiting[i] = send_post("/v1/hash", body);
    }
    pid = start();
    for (unsigned i = 0; i < COUNT(waiting); i++) {
        char word[16];
        char hash[64];

        assert_int_equal(receive(waiting[i]), 200);
        snprintf(word, sizeof word, "word %u", i);
        snprintf(hash, sizeof hash, "%s", member("hash"));
        assert_string_equal(crypt_rn(word, hash, &work, sizeof work), hash);
    }
    stop(pid);
    assert_int_equal(stats_all_requests(stats), COUNT(waiting));
    assert_int_equal(stats_get(&stats->cross_checks[STATS_CHECK_DIFFERENT]), 0);
}

static void test_slot_tells_lanes_and_engine(void **state) {
    const struct scoreboard_slot *slot = &scoreboard->slot[1];
    const pid_t pid = start();

    (void)state;
    assert_int_equal(slot->lanes, options.lanes);
    assert_int_equal(slot->lanes_busy, 0);
    assert_int_equal(scoreboard_engine(slot), label);
    stop(pid);
}

/* It keeps a place, and the other lanes go on hashing. */
static void test_silent_peer_does_not_hold_up_the_others(void **state) {
    pid_t pid;
    int silent;

    (void)state;
    options.read_timeout_ms = 60000;
    pid = start();
    silent = client_connect(listener.pool[0]);
    for (unsigned i = 0; i < 3 * LANES; i++)
        assert_int_equal(receive(send_get(0, "/gethash/p/", "")), 200);
    close(silent);
    stop(pid);
    assert_int_equal(stats_get(&stats->completed[label][4]), 3 * LANES);
}

/* One that came later and is cheaper does not wait for one that takes long. */
static void test_short_hash_comes_before_a_long_one(void **state) {
    const pid_t pid = start();
    const int slow = send_post("/v1/hash", "{\"password\":\"p\",\"cost\":14}");
    struct pollfd entry = {.fd = slow, .events = POLLIN};

    (void)state;
    while (scoreboard->slot[1].lanes_busy == 0)
        sched_yield();
    assert_int_equal(receive(send_get(0, "/gethash/p/", "")), 200);
    assert_int_equal(poll(&entry, 1, 0), 0);
    assert_int_equal(receive(slow), 200);
    stop(pid);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define TEST_LANES(function) cmocka_unit_test_setup_teardown(function, set_up_lanes, tear_down)

int main(void) {
    const struct CMUnitTest libxcrypt[] = {
        TEST(test_niceness_is_given_and_never_taken_back),
        TEST(test_every_route_is_served),
        TEST(test_problems_are_answered_without_a_hash),
        TEST(test_request_past_its_deadline_is_shed),
        TEST(test_no_hash_for_a_client_that_left),
        TEST(test_broken_and_silent_peers_are_counted_and_passed_over),
        TEST(test_worker_is_busy_while_it_reads_from_a_peer),
        TEST(test_worker_leaves_after_its_requests),
        TEST(test_stop_serves_what_waits_on_own_sockets),
        TEST(test_times_are_observed),
        TEST(test_many_at_once_are_answered_right),
        TEST(test_slot_tells_lanes_and_engine),
    };
    const struct CMUnitTest lanes[] = {
        TEST_LANES(test_every_route_is_served),
        TEST_LANES(test_problems_are_answered_without_a_hash),
        TEST_LANES(test_request_past_its_deadline_is_shed),
        TEST_LANES(test_no_hash_for_a_client_that_left),
        TEST_LANES(test_broken_and_silent_peers_are_counted_and_passed_over),
        TEST_LANES(test_worker_is_busy_while_it_reads_from_a_peer),
        TEST_LANES(test_worker_leaves_after_its_requests),
        TEST_LANES(test_stop_serves_what_waits_on_own_sockets),
        TEST_LANES(test_times_are_observed),
        TEST_LANES(test_many_at_once_are_answered_right),
        TEST_LANES(test_slot_tells_lanes_and_engine),
        TEST_LANES(test_silent_peer_does_not_hold_up_the_others),
        TEST_LANES(test_short_hash_comes_before_a_long_one),
    };

    return cmocka_run_group_tests_name("worker", libxcrypt, NULL, NULL) +
           cmocka_run_group_tests_name("worker with lanes", lanes, NULL, NULL);
}
