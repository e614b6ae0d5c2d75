#include "support.h"

#include <dirent.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_S 120

extern char **environ;

static int captured_fd = -1;
static int real_stderr = -1;

pid_t support_start(int (*body)(void *context), void *context) {
    pid_t pid;

    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(LIMIT_S);
        _exit(body(context));
    }
    return pid;
}

int support_wait(pid_t pid) {
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

int support_fork(int (*body)(void *context), void *context) {
    return support_wait(support_start(body, context));
}

void support_await(int event_fd) {
    struct pollfd entry = {.fd = event_fd, .events = POLLIN};
    uint64_t count;

    assert_int_equal(poll(&entry, 1, LIMIT_S * 1000), 1);
    assert_int_equal(read(event_fd, &count, sizeof count), sizeof count);
}

static void clear_environment(void) {
    static const char prefix[] = "BCRYPTD_";
    size_t i = 0;

    while (environ[i] != NULL) {
        const size_t length = strcspn(environ[i], "=");
        char name[128];

        if (strncmp(environ[i], prefix, sizeof prefix - 1) != 0 || length >= sizeof name) {
            i++;
            continue;
        }
        memcpy(name, environ[i], length);
        name[length] = '\0';
        unsetenv(name);
    }
}

struct options support_options(void) {
    static char program[] = "bcryptd";
    char *const argv[] = {program, NULL};
    struct options options;
    enum options_action action;
    char error[OPTIONS_ERROR_SIZE] = "";

    clear_environment();
    if (options_load(1, argv, &options, &action, error) < 0)
        fail_msg("the defaults do not load: %s", error);
    return options;
}

void support_make_directory(char *ret_path, size_t size) {
    const char *parent = getenv("TMPDIR");

    snprintf(ret_path, size, "%s/bcryptd-test.XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(ret_path));
}

void support_remove_directory(const char *path) {
    DIR *directory = opendir(path);
    const struct dirent *entry;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    assert_int_equal(rmdir(path), 0);
}

void support_capture(void) {
    fflush(stderr);
    captured_fd = memfd_create("stderr", MFD_CLOEXEC);
    real_stderr = dup(STDERR_FILENO);
    assert_true(captured_fd >= 0 && real_stderr >= 0);
    assert_true(dup2(captured_fd, STDERR_FILENO) >= 0);
}

char *support_release(void) {
    const off_t length = lseek(captured_fd, 0, SEEK_END);
    char *text;

    fflush(stderr);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    assert_true(length >= 0);
    text = calloc(1, (size_t)length + 1);
    assert_non_null(text);
    assert_int_equal(pread(captured_fd, text, (size_t)length, 0), length);
    close(captured_fd);
    return text;
}

bool support_has_line(const char *text, const char *line) {
    const size_t length = strlen(line);

    for (const char *found = text; (found = strstr(found, line)) != NULL; found++)
        if ((found == text || found[-1] == '\n') &&
            (found[length] == '\n' || found[length] == '\0'))
            return true;
    return false;
}

int support_accept(struct fcgi_connection *connection, int listen_fd, unsigned timeout_ms) {
    const int result = fcgi_accept(connection, listen_fd, timeout_ms);

    return result < 0 ? result : fcgi_begin(connection, timeout_ms);
}

unsigned support_start_hashes(unsigned lanes) {
    const unsigned questions = 4 + lanes;
    unsigned hashes = 0;

    for (unsigned count = 1; count <= lanes; count++)
        hashes += (questions + count - 1) / count * count;
    return hashes;
}
