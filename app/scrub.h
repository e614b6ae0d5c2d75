/* scrub: no password stays in memory. The heap is wiped as it is freed: this module replaces
 * free() and realloc() of the whole program, libraries included (glibc allows that), because
 * libfcgi and json-c release their buffers as they are. Builds with a sanitizer keep the
 * sanitizer's allocator. */
#ifndef BCRYPTD_SCRUB_H
#define BCRYPTD_SCRUB_H

#include <stddef.h>

/* Wipes memory in a way that the compiler keeps. */
void scrub_memory(void *memory, size_t size);

/* Wipes the part of the stack that calls made from here have used and left behind. */
void scrub_stack(void);

#endif
