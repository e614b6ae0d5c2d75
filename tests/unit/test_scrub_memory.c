/* The replaced free() and realloc(), and what of a password is left in the process once its
 * request is over. In a file of its own, for all of it is skipped with a sanitizer's allocator. */
#include "support.h"

#if SUPPORT_SANITIZER

int main(void) {
    puts("skipped: a sanitizer keeps its own allocator, which does not wipe");
    return SUPPORT_SKIPPED;
}

#else

#include "client.h"
#include "engine.h"
#include "reply.h"
#include "request.h"
#include "scrub.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

/* The allocator writes its own links here after free(). */
#define LINKS 32
#define MARK 0xa7

/* Writes that the compiler keeps, though the memory is freed next. */
static void fill(unsigned char *memory, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((volatile unsigned char *)memory)[i] = MARK;
}

/* Allocates, fills and frees; what the next allocation of that size finds in the same place. */
static void expect_wiped_by_free(size_t size) {
    unsigned char *memory = malloc(size);
    const uintptr_t place = (uintptr_t)memory;
    size_t left = 0;

    assert_non_null(memory);
    fill(memory, size);
    free(memory);
    memory = malloc(size);
    /* The allocator hands out last what it got last; else this test could see nothing. */
    assert_int_equal((uintptr_t)memory, place);
    for (size_t i = LINKS; i < size; i++)
        left += ((volatile unsigned char *)memory)[i] == MARK;
    free(memory);
    if (left > 0)
        fail_msg("%zu of %zu bytes are left", left, size);
}

static void test_free_wipes(void **state) {
    static const size_t sizes[] = {33, 64, 100, 200, 1000, 1032, 5000, 20000, 100000};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        /* Something behind it, so that it does not melt into the heap's free end. */
        void *fence = malloc(sizes[i]);
        void *other = malloc(16);

        free(fence);
        expect_wiped_by_free(sizes[i]);
        free(other);
    }
    free(NULL);
}

static void test_realloc_keeps_the_contents_and_wipes_the_old_place(void **state) {
    unsigned char *memory = malloc(100);
    void *fence = malloc(100);
    const uintptr_t place = (uintptr_t)memory;
    size_t left = 0;

    (void)state;
    fill(memory, 100);
    memory = realloc(memory, 5000);
    assert_non_null(memory);
    assert_int_not_equal((uintptr_t)memory, place);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(memory[i], MARK);
    free(memory);
    memory = malloc(100);
    assert_int_equal((uintptr_t)memory, place);
    for (size_t i = LINKS; i < 100; i++)
        left += ((volatile unsigned char *)memory)[i] == MARK;
    assert_int_equal(left, 0);
    free(memory);
    free(fence);
}

static void test_realloc_has_the_edges_of_the_standard(void **state) {
    unsigned char *memory = realloc(NULL, 50);
    volatile size_t too_much = SIZE_MAX / 2;
    unsigned char *volatile kept;
    unsigned char *same;

    (void)state;
    assert_non_null(memory);
    fill(memory, 50);
    same = realloc(memory, 10);
    assert_non_null(same);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(same[i], MARK);
    kept = same;
    assert_null(realloc(same, too_much));
    assert_int_equal(kept[9], MARK);
    assert_null(realloc(kept, 0));
}

static void test_allocations_stay_apart_under_churn(void **state) {
    static unsigned char *blocks[64];
    static size_t sizes[COUNT(blocks)];
    uint32_t random = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t i;

        random = random * 1664525 + 1013904223;
        i = (random >> 8) % COUNT(blocks);
        for (size_t j = 0; j < sizes[i]; j += 97)
            assert_int_equal(blocks[i][j], i + 1);
        sizes[i] = (random >> 16) % 9000 + 1;
        if (random % 3 == 0) {
            free(blocks[i]);
            blocks[i] = malloc(sizes[i]);
        } else {
            blocks[i] = realloc(blocks[i], sizes[i]);
        }
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < COUNT(blocks); i++)
        free(blocks[i]);
}

/* The secret is never written down whole but in the shared mapping, which the search leaves out. */
static const unsigned char masked[] = {0x29, 0x3f, 0x39, 0x28, 0x3f, 0x2e, 0x77, 0x6b, 0x63, 0x68,
                                       0x69, 0x6e, 0x6f, 0x6c, 0x6d, 0x6a, 0x77, 0x2b, 0x2d, 0x3f};
#define SECRET_LENGTH (sizeof masked) /* whole words */
#define CHUNK 65536

struct shared {
    char secret[SECRET_LENGTH + 1];
    char text[1024];
    unsigned char request[8192];
    unsigned char chunk[CHUNK + SECRET_LENGTH];
};

static struct shared *shared;

/* The forms in which a password stands in memory: as it is, and as words of a cipher's key. */
enum form { AS_TEXT, AS_KEY };

static bool is_secret(const unsigned char *bytes, enum form form) {
    /* Words of this machine have their bytes turned round. */
    const size_t turned = form == AS_KEY ? sizeof(uint32_t) - 1 : 0;

    for (size_t i = 0; i < SECRET_LENGTH; i++)
        if (bytes[i ^ turned] != (masked[i] ^ 0x5a))
            return false;
    return true;
}

static size_t count_in_chunk(size_t length, enum form form) {
    size_t found = 0;

    for (size_t i = 0; i + SECRET_LENGTH <= length; i++)
        found += is_secret(shared->chunk + i, form);
    return found;
}

static size_t count_in_range(int memory, uintptr_t start, uintptr_t end, enum form form) {
    size_t found = 0;

    /* Chunks overlap, so that none is missed between two of them. */
    for (uintptr_t place = start; place < end; place += CHUNK) {
        const size_t wanted =
            end - place < sizeof shared->chunk ? end - place : sizeof shared->chunk;
        const ssize_t length = pread(memory, shared->chunk, wanted, (off_t)place);

        if (length > 0)
            found += count_in_chunk((size_t)length, form);
    }
    return found;
}

/* How often the secret stands in this process's private, writable memory: heap, stack, data. */
static size_t count_secrets(enum form form) {
    static char line[512];
    const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    size_t found = 0;

    assert_true(memory >= 0);
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t start;
        uintptr_t end;
        char access[5];

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, access) == 3 &&
            strcmp(access, "rw-p") == 0)
            found += count_in_range(memory, start, end, form);
    }
    fclose(maps);
    close(memory);
    return found;
}

static int listen_fd;
static struct options options;
static struct engine *engine;

static int set_up(const struct engine_operations *fast) {
    static struct stats stats;
    const struct engine_setup setup = {.reference = &engine_libxcrypt,
                                       .fast = fast,
                                       .lanes = 4,
                                       .check_every = 2,
                                       .stats = &stats};

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    for (size_t i = 0; i < SECRET_LENGTH; i++)
        shared->secret[i] = (char)(masked[i] ^ 0x5a);
    listen_fd = client_listen(8);
    options = support_options();
    options.cost = options.min_cost = 4;
    assert_int_equal(engine_open(&setup, &engine), 0);
    return fcgi_init();
}

static int set_up_libxcrypt(void **state) {
    (void)state;
    return set_up(NULL);
}

static int set_up_lanes(void **state) {
    (void)state;
    return set_up(&engine_lanes);
}

static int tear_down(void **state) {
    (void)state;
    engine_close(&engine);
    munmap(shared, sizeof *shared);
    return close(listen_fd);
}

/* Sends a request whose path or body is in shared->text. */
static int send_request(const char *method, const char *uri, const char *body) {
    const struct client_param params[] = {{"REQUEST_METHOD", method},
                                          {"REQUEST_URI", uri},
                                          {"CONTENT_TYPE", "application/json"},
                                          {NULL, NULL}};
    const size_t length =
        client_build(shared->request, sizeof shared->request, params, body, strlen(body));
    const int fd = client_connect(listen_fd);

    client_send(fd, shared->request, length, false);
    return fd;
}

/* A request's whole life, as the worker leads it. Returns the secrets found while it lasted. */
__attribute__((noinline)) static size_t serve(int fd, bool good) {
    static struct fcgi_connection connection;
    static struct request request;
    char hash[PASSWORD_HASH_LEN + 1];
    struct problem problem = {0};
    size_t found;

    assert_int_equal(support_accept(&connection, listen_fd, 5000), 0);
    request_identify(&connection, &request);
    assert_int_equal(request_read(&connection, &options, &request, &problem), good ? 0 : -1);
    found = count_secrets(AS_TEXT);
    if (good) {
        engine_submit(engine, 0, &request.password, request.setting);
        if (engine_label(engine) == STATS_LANES)
            assert_true(count_secrets(AS_KEY) > 0);
        while (engine_step(engine) == 0)
            continue;
        assert_int_equal(engine_take(engine, 0, hash), 0);
        reply_hash(&connection, &request, &options, hash);
        scrub_memory(hash, sizeof hash);
    } else {
        reply_problem(&connection, "-", &problem);
    }
    fcgi_finish(&connection);
    request_wipe(&request);
    scrub_stack();
    close(fd);
    return found;
}

static void expect_nothing_left(int fd, bool good) {
    /* While it is served the secret is there, so the search can find it. */
    assert_true(serve(fd, good) > 0);
    assert_int_equal(count_secrets(AS_TEXT), 0);
    assert_int_equal(count_secrets(AS_KEY), 0);
}

static void test_path_leaves_no_password_behind(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(shared->text, sizeof shared->text, "/gethash/%s/", shared->secret);
        expect_nothing_left(send_request("GET", shared->text, ""), true);
    }
}

static void test_bodies_leave_no_password_behind(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(shared->text, sizeof shared->text, "{\"password\":\"%s\",\"cost\":4}",
                 shared->secret);
        expect_nothing_left(send_request("POST", "/v1/hash", shared->text), true);
        snprintf(shared->text, sizeof shared->text,
                 "{\"hash\":\"$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK\","
                 "\"password\":\"%s\"}",
                 shared->secret);
        expect_nothing_left(send_request("POST", "/v1/verify", shared->text), true);
    }
}

static void test_refused_requests_leave_no_password_behind(void **state) {
    static const char *const bodies[] = {
        "{\"password\":\"%s\",\"cost\":99}",
        "{\"password\":\"%s\",\"cost\":\"x\"}",
        "{\"password\":\"%s\",\"other\":\"x\"}",
        "{\"password\":\"%s\\ud800\"}",
        "{\"password\":\"%s",
        "{\"other\":\"%s\"}",
        "{\"%s\":\"other\"}",
        "{\"password\":\"%s\"}x",
        "{\"password\":[\"%s\"]}",
        "%s",
    };

    (void)state;
    snprintf(shared->text, sizeof shared->text, "/gethash/%s/x", shared->secret);
    expect_nothing_left(send_request("GET", shared->text, ""), false);
    snprintf(shared->text, sizeof shared->text, "/gethash/%s%%", shared->secret);
    expect_nothing_left(send_request("GET", shared->text, ""), false);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        const char *end = strstr(bodies[i], "%s") + 2;

        snprintf(shared->text, sizeof shared->text, "%.*s%s%s", (int)(end - 2 - bodies[i]),
                 bodies[i], shared->secret, end);
        expect_nothing_left(send_request("POST", "/v1/hash", shared->text), false);
    }
}

int main(void) {
    const struct CMUnitTest allocator[] = {
        cmocka_unit_test(test_free_wipes),
        cmocka_unit_test(test_realloc_keeps_the_contents_and_wipes_the_old_place),
        cmocka_unit_test(test_realloc_has_the_edges_of_the_standard),
        cmocka_unit_test(test_allocations_stay_apart_under_churn),
    };
    const struct CMUnitTest requests[] = {
        cmocka_unit_test(test_path_leaves_no_password_behind),
        cmocka_unit_test(test_bodies_leave_no_password_behind),
        cmocka_unit_test(test_refused_requests_leave_no_password_behind),
    };

    return cmocka_run_group_tests_name("scrub_memory", allocator, NULL, NULL) +
           cmocka_run_group_tests_name("libxcrypt", requests, set_up_libxcrypt, tear_down) +
           cmocka_run_group_tests_name("lanes", requests, set_up_lanes, tear_down);
}

#endif
