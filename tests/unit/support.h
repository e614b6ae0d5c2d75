/* support: what several unit tests share. Includes cmocka with what it needs first. */
#ifndef BCRYPTD_TESTS_SUPPORT_H
#define BCRYPTD_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgi.h"
#include "options.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* The exit code that ctest shows as "Skipped"; print the reason first. */
#define SUPPORT_SKIPPED 77

#if defined(__SANITIZE_ADDRESS__)
#define SUPPORT_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SUPPORT_SANITIZER 1
#endif
#endif
#ifndef SUPPORT_SANITIZER
#define SUPPORT_SANITIZER 0
#endif

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* For code in a forked child, where cmocka's asserts cannot work: prints and ends the child. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* Runs body(context) in a forked child. Returns its wait status. The child's exit code is body's
 * result; it is killed after half a minute. */
int support_fork(int (*body)(void *context), void *context);

/* Starts the same and returns its pid. */
pid_t support_start(int (*body)(void *context), void *context);

/* Waits for a process started with support_start(). Returns its wait status. */
int support_wait(pid_t pid);

/* Waits for a byte count on an eventfd, at most half a minute. */
void support_await(int event_fd);

/* Accepts a connection and begins it, waiting as long for each. Returns what the first that fails
 * does. */
int support_accept(struct fcgi_connection *connection, int listen_fd, unsigned timeout_ms);

/* The default options, with the environment's BCRYPTD_* settings taken away. */
struct options support_options(void);

/* Makes a directory that support_remove_directory() removes with the files in it. */
void support_make_directory(char *ret_path, size_t size);
void support_remove_directory(const char *path);

/* Diverts this process's stderr into a file in memory until support_release(), which returns
 * what was written (free it). */
void support_capture(void);
char *support_release(void);

/* True when one of text's lines is this one. */
bool support_has_line(const char *text, const char *line);

/* Hashes of the lanes engine's start check: four known answers and as many random ones as there are
 * lanes, all of them in rounds of 1 to all lanes; a last round begins anew. */
unsigned support_start_hashes(unsigned lanes);

#endif
