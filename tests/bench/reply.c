#include "reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The value of a header among the lines from head to its end, NULL without one. */
static const char *header(const char *head, const char *end, const char *name) {
    const size_t length = strlen(name);

    for (const char *line = head; line != NULL && line < end; line = strstr(line, "\r\n")) {
        line += line == head ? 0 : 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " ");
    }
    return NULL;
}

/* Whether a chunked body is there to its end: 1, 0 or -1. */
static int chunks_complete(const char *at, const char *end) {
    while (at < end) {
        char *after = NULL;
        const unsigned long size = strtoul(at, &after, 16);

        if (strstr(at, "\r\n") == NULL)
            return 0;
        if (after == at || *after != '\r')
            return -1;
        /* Its size line, its bytes and an empty line; the last one has no bytes. */
        if (size > (unsigned long)(end - after) || (size_t)(end - after) < size + 4)
            return 0;
        if (size == 0)
            return 1;
        at = after + 2 + size + 2;
    }
    return 0;
}

int reply_parse(const char *text, size_t length, struct reply *ret) {
    const char *head_end = strstr(text, "\r\n\r\n");
    const char *value;
    int complete;

    if (head_end == NULL)
        return 0;
    if (strncmp(text, "HTTP/1.1 ", 9) != 0)
        return -1;
    *ret = (struct reply){.status = (unsigned)strtoul(text + 9, NULL, 10), .body = head_end + 4};
    value = header(text, head_end, "Content-Length");
    if (value != NULL)
        complete = (size_t)(text + length - ret->body) >= strtoul(value, NULL, 10);
    else if (header(text, head_end, "Transfer-Encoding") != NULL)
        complete = chunks_complete(ret->body, text + length);
    else
        return -1;
    value = header(text, head_end, "Connection");
    ret->closes = value != NULL && strncasecmp(value, "close", 5) == 0;
    value = header(text, head_end, "Retry-After");
    ret->has_retry_after = value != NULL;
    ret->retry_after_s = value != NULL ? (unsigned)strtoul(value, NULL, 10) : 0;
    return complete;
}
