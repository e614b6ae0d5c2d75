#include "support.h"

#include "clock.h"

#include <time.h>

static void test_monotonic_never_goes_back(void **state) {
    uint64_t last = clock_monotonic_ns();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = clock_monotonic_ns();

        assert_true(now >= last);
        last = now;
    }
}

static void test_realtime_is_unix_time(void **state) {
    const uint64_t before = (uint64_t)time(NULL);
    const uint64_t now_ms = clock_realtime_ms();
    const uint64_t after = (uint64_t)time(NULL);

    (void)state;
    /* time() may lag behind by one tick of the kernel. */
    assert_in_range(now_ms / 1000, before, after + 1);
}

static void test_text_is_rfc3339_in_utc(void **state) {
    char text[CLOCK_RFC3339_SIZE];
    struct tm parts = {0};
    const uint64_t before = clock_realtime_ms();
    uint64_t after;
    uint64_t value;
    const char *rest;

    (void)state;
    /* The machine's zone must not matter. */
    setenv("TZ", "America/New_York", 1);
    tzset();
    clock_format_now(text);
    after = clock_realtime_ms();
    assert_int_equal(strlen(text), strlen("2024-01-31T23:59:59.123Z"));
    rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    assert_non_null(rest);
    assert_true(rest[0] == '.' && rest[4] == 'Z' && rest[5] == '\0');
    value = (uint64_t)timegm(&parts) * 1000 + strtoull(rest + 1, NULL, 10);
    assert_in_range(value, before, after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotonic_never_goes_back),
        cmocka_unit_test(test_realtime_is_unix_time),
        cmocka_unit_test(test_text_is_rfc3339_in_utc),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
