#include "support.h"

#include "metrics.h"
#include "version.h"

#define MS UINT64_C(1000000)

static struct scoreboard *scoreboard;
static struct options options;
static char *prometheus;
static char *openmetrics;

static const struct metrics_queue queues[] = {
    {"pool-0.sock", true, 3, 128}, {"pool-1.sock", false, 7, 7}, {"status.sock", true, 0, 64}};

static char *write_all(enum metrics_format format) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    metrics_write(out, format, scoreboard, &options, queues, COUNT(queues));
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strlen(text), length);
    return text;
}

/* A status process and three workers, one of them down. */
static int set_up(void **state) {
    struct scoreboard_slot *slot;

    (void)state;
    options = support_options();
    options.workers = 3;
    assert_int_equal(scoreboard_create(3, &scoreboard), 0);
    slot = scoreboard->slot;
    scoreboard->master->started_ms = UINT64_C(1700000000007);
    atomic_store(&scoreboard->master->draining, 1);
    stats_add(&scoreboard->master->starts, 5);
    stats_add(&scoreboard->master->exits[SCOREBOARD_EXIT_SIGNAL], 2);
    scoreboard_set_state(&slot[0], SCOREBOARD_IDLE);
    scoreboard_set_state(&slot[1], SCOREBOARD_BUSY);
    scoreboard_set_state(&slot[2], SCOREBOARD_IDLE);
    scoreboard_set_state(&slot[3], SCOREBOARD_EMPTY);
    for (unsigned i = 1; i <= 3; i++)
        atomic_store(&slot[i].lanes, 4);
    atomic_store(&slot[1].lanes_busy, 3);
    atomic_store(&slot[3].lanes_busy, 4); /* left over from a process that is gone */
    stats_count_request(&slot[1].stats, STATS_HASH, 200);
    stats_count_request(&slot[2].stats, STATS_HASH, 200);
    stats_count_request(&slot[3].stats, STATS_HASH, 200);
    stats_add(&slot[3].stats.shed[STATS_SHED_QUEUE], 4);
    stats_add(&slot[0].stats.fcgi_errors[STATS_FCGI_TIMEOUT], 1);
    stats_add(&slot[1].stats.submitted[STATS_LIBXCRYPT][12], 2);
    stats_add(&slot[1].stats.completed[STATS_LIBXCRYPT][12], 1);
    stats_add(&slot[1].stats.completed[STATS_LIBXCRYPT][7], 6);
    stats_observe(&slot[1].stats, STATS_QUEUE_WAIT, 1 * MS);
    stats_observe(&slot[2].stats, STATS_QUEUE_WAIT, 1 * MS + 1);
    stats_observe(&slot[2].stats, STATS_QUEUE_WAIT, 5000 * MS);
    prometheus = write_all(METRICS_PROMETHEUS);
    openmetrics = write_all(METRICS_OPENMETRICS);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    free(prometheus);
    free(openmetrics);
    scoreboard_free(&scoreboard);
    return 0;
}

static void expect_line(const char *line) {
    if (!support_has_line(prometheus, line) || !support_has_line(openmetrics, line))
        fail_msg("there is no line \"%s\"", line);
}

static void test_values_are_sums_over_all_slots(void **state) {
    (void)state;
    expect_line("bcryptd_requests_total{route=\"hash\",code=\"200\"} 3");
    expect_line("bcryptd_requests_total{route=\"gethash\",code=\"503\"} 0");
    expect_line("bcryptd_shed_total{reason=\"queue\"} 4");
    expect_line("bcryptd_shed_total{reason=\"deadline\"} 0");
    expect_line("bcryptd_fcgi_errors_total{reason=\"timeout\"} 1");
    expect_line("bcryptd_hashes_submitted_total{engine=\"libxcrypt\",cost=\"12\"} 2");
    expect_line("bcryptd_hashes_total{engine=\"libxcrypt\",cost=\"12\"} 1");
}

/* A series must be there before its first event, or a rate over it misses that. */
static void test_allowed_costs_are_there_from_the_start_and_others_once_seen(void **state) {
    (void)state;
    expect_line("bcryptd_hashes_total{engine=\"libxcrypt\",cost=\"10\"} 0");
    expect_line("bcryptd_hashes_total{engine=\"libxcrypt\",cost=\"15\"} 0");
    expect_line("bcryptd_hashes_total{engine=\"libxcrypt\",cost=\"7\"} 6");
    assert_null(strstr(prometheus, "cost=\"16\""));
    assert_null(strstr(prometheus, "cost=\"9\""));
}

static void test_histogram_is_cumulative_with_sum_and_count(void **state) {
    (void)state;
    expect_line("bcryptd_queue_wait_seconds_bucket{le=\"0.001\"} 1");
    expect_line("bcryptd_queue_wait_seconds_bucket{le=\"0.005\"} 2");
    expect_line("bcryptd_queue_wait_seconds_bucket{le=\"1.000\"} 2");
    expect_line("bcryptd_queue_wait_seconds_bucket{le=\"+Inf\"} 3");
    expect_line("bcryptd_queue_wait_seconds_sum 5.002000001");
    expect_line("bcryptd_queue_wait_seconds_count 3");
    expect_line("bcryptd_request_duration_seconds_bucket{le=\"2.000\"} 0");
    expect_line("bcryptd_hash_duration_seconds_sum 0.000000000");
}

static void test_workers_are_counted_by_state_without_the_status_process(void **state) {
    (void)state;
    expect_line("bcryptd_workers{state=\"idle\"} 1");
    expect_line("bcryptd_workers{state=\"busy\"} 1");
    expect_line("bcryptd_workers{state=\"empty\"} 1");
    expect_line("bcryptd_workers{state=\"starting\"} 0");
    expect_line("bcryptd_workers_max 3");
    expect_line("bcryptd_lanes 8");
    expect_line("bcryptd_lane_occupancy 3");
}

static void test_lifecycle_queues_and_build(void **state) {
    (void)state;
    expect_line("bcryptd_worker_starts_total 5");
    expect_line("bcryptd_worker_exits_total{reason=\"signal\"} 2");
    expect_line("bcryptd_draining 1");
    expect_line("bcryptd_start_time_seconds 1700000000.007");
    expect_line("bcryptd_listen_queue_depth{socket=\"pool-0.sock\"} 3");
    expect_line("bcryptd_listen_queue_limit{socket=\"pool-0.sock\"} 128");
    expect_line("bcryptd_listen_queue_depth{socket=\"status.sock\"} 0");
    assert_null(strstr(prometheus, "pool-1.sock"));
    expect_line("bcryptd_build_info{version=\"" BCRYPTD_VERSION "\"} 1");
}

static void test_limits_stand_beside_the_values(void **state) {
    (void)state;
    expect_line("bcryptd_option{name=\"deadline-ms\",unit=\"ms\"} 1000");
    expect_line("bcryptd_option{name=\"workers\",unit=\"processes\"} 3");
    expect_line("bcryptd_option{name=\"backlog\",unit=\"connections\"} 128");
}

/* Takes the next line off text; NULL at its end. The last line must end, too. */
static char *next_line(char **text) {
    char *line = *text;
    char *end = strchr(line, '\n');

    if (*line == '\0')
        return NULL;
    assert_non_null(end);
    *end = '\0';
    *text = end + 1;
    return line;
}

static bool belongs(const char *sample, const char *family, const char *type, bool is_open) {
    static const char *const histogram_ends[] = {"_bucket", "_sum", "_count"};
    const size_t length = strlen(family);
    const char *end = sample + length;
    const size_t rest = strcspn(end, "{ ");

    if (strncmp(sample, family, length) != 0)
        return false;
    if (strcmp(type, "counter") == 0 && is_open)
        return rest == 6 && strncmp(end, "_total", 6) == 0;
    if (strcmp(type, "histogram") != 0)
        return rest == 0;
    for (size_t i = 0; i < COUNT(histogram_ends); i++)
        if (rest == strlen(histogram_ends[i]) && strncmp(end, histogram_ends[i], rest) == 0)
            return true;
    return false;
}

/* Each family once, with HELP and TYPE before its samples, which stand together. */
static void check_grammar(char *text, bool is_open) {
    static char families[64][64];
    size_t count = 0;
    char type[16] = "";
    char *line;
    bool ended = false;

    while ((line = next_line(&text)) != NULL) {
        char family[64];

        assert_false(ended);
        if (strcmp(line, "# EOF") == 0) {
            ended = true;
            continue;
        }
        if (sscanf(line, "# HELP %63s", family) == 1) {
            for (size_t i = 0; i < count; i++)
                assert_string_not_equal(family, families[i]);
            assert_true(count < COUNT(families));
            strcpy(families[count++], family);
            assert_true(strlen(line) > strlen("# HELP ") + strlen(family) + 1);
            type[0] = '\0';
            continue;
        }
        assert_true(count > 0);
        if (sscanf(line, "# TYPE %63s %15s", family, type) == 2) {
            assert_string_equal(family, families[count - 1]);
            assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 ||
                        strcmp(type, "histogram") == 0);
            continue;
        }
        if (!belongs(line, families[count - 1], type, is_open))
            fail_msg("\"%s\" stands in family %s, a %s", line, families[count - 1], type);
    }
    assert_int_equal(ended, is_open);
    assert_true(count > 15);
}

static void test_prometheus_text_is_well_formed(void **state) {
    (void)state;
    check_grammar(prometheus, false);
}

static void test_openmetrics_text_is_well_formed_and_ends_with_eof(void **state) {
    (void)state;
    assert_string_equal(openmetrics + strlen(openmetrics) - 6, "# EOF\n");
    check_grammar(openmetrics, true);
}

/* They differ in the names of the counters' families and in the end, and in nothing else. */
static void test_both_formats_have_the_same_samples(void **state) {
    char *left = prometheus;
    char *right = openmetrics;
    char *left_line;
    size_t differences = 0;

    (void)state;
    while ((left_line = next_line(&left)) != NULL) {
        const char *right_line = next_line(&right);
        char *total = strstr(left_line, "_total ");

        assert_non_null(right_line);
        if (left_line[0] == '#' && total != NULL) {
            memmove(total, total + 6, strlen(total + 6) + 1);
            differences++;
        }
        assert_string_equal(left_line, right_line);
    }
    assert_true(differences > 0);
    assert_string_equal(right, "# EOF\n");
}

static void test_counters_end_in_total_and_times_are_in_seconds(void **state) {
    char *rest = prometheus;
    const char *line;

    (void)state;
    while ((line = next_line(&rest)) != NULL) {
        char name[64];
        char type[16];
        size_t length;

        if (sscanf(line, "# TYPE %63s %15s", name, type) != 2)
            continue;
        length = strlen(name);
        assert_memory_equal(name, "bcryptd_", 8);
        assert_int_equal(length > 6 && strcmp(name + length - 6, "_total") == 0,
                         strcmp(type, "counter") == 0);
        if (strcmp(type, "histogram") == 0)
            assert_string_equal(name + length - 8, "_seconds");
    }
}

static void test_format_is_chosen_by_accept(void **state) {
    static const struct {
        const char *accept;
        enum metrics_format format;
    } rows[] = {
        {"", METRICS_PROMETHEUS},
        {"*/*", METRICS_PROMETHEUS},
        {"text/plain;version=0.0.4;q=0.5,*/*;q=0.1", METRICS_PROMETHEUS},
        {"application/openmetrics-text", METRICS_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5",
         METRICS_OPENMETRICS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(metrics_choose(rows[i].accept), rows[i].format);
    assert_non_null(strstr(metrics_content_type(METRICS_PROMETHEUS), "text/plain; version=0.0.4"));
    assert_non_null(strstr(metrics_content_type(METRICS_OPENMETRICS),
                           "application/openmetrics-text; version=1.0.0"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_values_are_sums_over_all_slots),
        TEST(test_allowed_costs_are_there_from_the_start_and_others_once_seen),
        TEST(test_histogram_is_cumulative_with_sum_and_count),
        TEST(test_workers_are_counted_by_state_without_the_status_process),
        TEST(test_lifecycle_queues_and_build),
        TEST(test_limits_stand_beside_the_values),
        TEST(test_prometheus_text_is_well_formed),
        TEST(test_openmetrics_text_is_well_formed_and_ends_with_eof),
        TEST(test_both_formats_have_the_same_samples),
        TEST(test_counters_end_in_total_and_times_are_in_seconds),
        cmocka_unit_test(test_format_is_chosen_by_accept),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
