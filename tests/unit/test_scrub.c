#include "support.h"

#include "scrub.h"

#include <fcntl.h>
#include <unistd.h>

/* As deep as a test leaves its mark; scrub_stack() wipes more. */
#define DEPTH 8192
#define MARK 0xa7

static void test_memory_is_wiped_and_nothing_around_it(void **state) {
    unsigned char memory[32];

    (void)state;
    memset(memory, MARK, sizeof memory);
    scrub_memory(memory + 8, 16);
    for (size_t i = 0; i < sizeof memory; i++)
        assert_int_equal(memory[i], i >= 8 && i < 24 ? 0 : MARK);
    scrub_memory(memory, 0);
    assert_int_equal(memory[0], MARK);
}

/* Leaves marks in a frame below its caller's. */
__attribute__((noinline)) static void leave_marks(void) {
    volatile unsigned char frame[DEPTH];

    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = MARK;
}

/* Counts the marks in a row below an address; read by the kernel, for no code may look there. */
__attribute__((noinline)) static size_t count_marks(uintptr_t top) {
    static unsigned char copy[4 * DEPTH];
    const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    size_t longest = 0;
    size_t run = 0;

    if (memory < 0 || pread(memory, copy, sizeof copy, (off_t)(top - sizeof copy)) != sizeof copy)
        fail_msg("the stack cannot be read");
    close(memory);
    for (size_t i = 0; i < sizeof copy; i++) {
        run = copy[i] == MARK ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    memset(copy, 0, sizeof copy);
    return longest;
}

static void test_stack_below_is_wiped(void **state) {
    const uintptr_t top = (uintptr_t)__builtin_frame_address(0);

    (void)state;
    leave_marks();
    /* Without the wiping most of them are there: the search can find them. */
    assert_true(count_marks(top) > DEPTH / 4);
    leave_marks();
    scrub_stack();
    assert_true(count_marks(top) < 64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_wiped_and_nothing_around_it),
        cmocka_unit_test(test_stack_below_is_wiped),
    };

    return cmocka_run_group_tests_name("scrub", tests, NULL, NULL);
}
