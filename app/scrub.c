#include "scrub.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SCRUB_KEEP_ALLOCATOR 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SCRUB_KEEP_ALLOCATOR 1
#endif

/* Deeper than the deepest call below a worker's loop (libfcgi's and json-c's frames included;
 * libxcrypt wipes its own). */
#define STACK_DEPTH (48 * 1024)

void scrub_memory(void *memory, size_t size) {
    explicit_bzero(memory, size);
}

__attribute__((noinline)) void scrub_stack(void) {
    unsigned char below[STACK_DEPTH];

    explicit_bzero(below, sizeof below);
}

#ifndef SCRUB_KEEP_ALLOCATOR

/* glibc's own entry points, for programs that wrap its allocator. */
extern void __libc_free(void *memory); /* NOLINT(bugprone-reserved-identifier) */

void free(void *memory) {
    if (memory == NULL)
        return;
    explicit_bzero(memory, malloc_usable_size(memory));
    __libc_free(memory);
}

void *realloc(void *memory, size_t size) {
    size_t old_size;
    void *larger;

    if (memory == NULL)
        return malloc(size);
    if (size == 0) {
        free(memory);
        return NULL;
    }
    old_size = malloc_usable_size(memory);
    if (size <= old_size)
        return memory;
    larger = malloc(size);
    if (larger == NULL)
        return NULL;
    memcpy(larger, memory, old_size);
    free(memory);
    return larger;
}

#endif
