#include "client.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BEGIN_REQUEST 1
#define END_REQUEST 3
#define PARAMS 4
#define STDIN 5
#define STDOUT 6
#define HEADER_SIZE 8
#define CONTENT_MAX 65535
#define REQUEST_SIZE (256 * 1024)

static void give_up(const char *what) {
    perror(what);
    abort();
}

int client_listen(int backlog) {
    const struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    signal(SIGPIPE, SIG_IGN);
    /* An address of the family alone lets the kernel choose an abstract name. */
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
        listen(fd, backlog) < 0)
        give_up("client_listen");
    return fd;
}

int client_connect(int listen_fd) {
    struct sockaddr_un address;
    socklen_t length = sizeof address;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || getsockname(listen_fd, (struct sockaddr *)&address, &length) < 0 ||
        connect(fd, (const struct sockaddr *)&address, length) < 0)
        give_up("client_connect");
    return fd;
}

struct buffer {
    unsigned char *bytes;
    size_t size;
    size_t used;
};

static void append(struct buffer *buffer, const void *bytes, size_t length) {
    if (length > buffer->size - buffer->used) {
        fputs("client_build: the request is too long\n", stderr);
        abort();
    }
    if (length > 0)
        memcpy(buffer->bytes + buffer->used, bytes, length);
    buffer->used += length;
}

static void append_header(struct buffer *buffer, unsigned type, size_t length) {
    const unsigned char header[HEADER_SIZE] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(length >> 8), (unsigned char)length, 0, 0};

    append(buffer, header, sizeof header);
}

/* A stream of records, with the empty one that ends it. */
static void append_stream(struct buffer *buffer, unsigned type, const char *bytes, size_t length) {
    while (length > 0) {
        const size_t part = length < CONTENT_MAX ? length : CONTENT_MAX;

        append_header(buffer, type, part);
        append(buffer, bytes, part);
        bytes += part;
        length -= part;
    }
    append_header(buffer, type, 0);
}

/* A length as FastCGI's name-value pairs write it, in its long form. */
static void append_length(struct buffer *buffer, size_t length) {
    const unsigned char bytes[4] = {
        (unsigned char)(0x80 | (length >> 24)),
        (unsigned char)(length >> 16),
        (unsigned char)(length >> 8),
        (unsigned char)length,
    };

    append(buffer, bytes, sizeof bytes);
}

static void append_params(struct buffer *buffer, const struct client_param *params) {
    for (; params->name != NULL; params++) {
        struct buffer record = *buffer;

        append_header(&record, PARAMS, 0);
        append_length(&record, strlen(params->name));
        append_length(&record, strlen(params->value));
        append(&record, params->name, strlen(params->name));
        append(&record, params->value, strlen(params->value));
        append_header(buffer, PARAMS, record.used - buffer->used - HEADER_SIZE);
        buffer->used = record.used;
    }
    append_header(buffer, PARAMS, 0);
}

size_t client_build(unsigned char *bytes, size_t size, const struct client_param *params,
                    const char *body, size_t length) {
    static const unsigned char responder[8] = {0, 1, 0, 0, 0, 0, 0, 0};
    struct buffer buffer = {bytes, size, 0};

    append_header(&buffer, BEGIN_REQUEST, sizeof responder);
    append(&buffer, responder, sizeof responder);
    append_params(&buffer, params);
    append_stream(&buffer, STDIN, body, length);
    return buffer.used;
}

void client_send(int fd, const void *bytes, size_t length, bool end) {
    const char *next = bytes;

    while (length > 0) {
        const ssize_t sent = send(fd, next, length, MSG_NOSIGNAL);

        if (sent < 0)
            give_up("client_send");
        next += sent;
        length -= (size_t)sent;
    }
    if (end && shutdown(fd, SHUT_WR) < 0)
        give_up("client_send");
}

int client_request(int listen_fd, const struct client_param *params, const char *body,
                   size_t length) {
    static unsigned char request[REQUEST_SIZE];
    const int fd = client_connect(listen_fd);

    client_send(fd, request, client_build(request, sizeof request, params, body, length), false);
    return fd;
}

/* All bytes until the peer closes. A peer that closes over unread bytes resets the connection. */
static size_t read_all(int fd, unsigned char *bytes, size_t size) {
    size_t used = 0;
    ssize_t length;

    while ((length = read(fd, bytes + used, size - used)) > 0)
        used += (size_t)length;
    if (length < 0)
        give_up("client_receive");
    if (used == size) {
        fputs("client_receive: the reply is too long\n", stderr);
        abort();
    }
    return used;
}

/* Parts the head of a CGI reply from its body. */
static void split(const char *text, size_t length, struct client_reply *reply) {
    const char *end = memmem(text, length, "\r\n\r\n", 4);
    size_t head_length;

    if (end == NULL)
        return;
    head_length = (size_t)(end - text) + 2;
    if (head_length >= sizeof reply->head) {
        fputs("client_receive: the reply's head is too long\n", stderr);
        abort();
    }
    memcpy(reply->head, text, head_length);
    reply->length = length - head_length - 2;
    memcpy(reply->body, end + 4, reply->length);
    reply->body[reply->length] = '\0';
}

void client_receive(int fd, struct client_reply *ret) {
    static unsigned char bytes[2 * CLIENT_REPLY_SIZE];
    static char text[CLIENT_REPLY_SIZE];
    const size_t length = read_all(fd, bytes, sizeof bytes);
    size_t used = 0;
    size_t i = 0;

    memset(ret, 0, sizeof *ret);
    close(fd);
    while (length - i >= HEADER_SIZE) {
        const unsigned type = bytes[i + 1];
        const size_t content = (size_t)bytes[i + 4] << 8 | bytes[i + 5];
        const size_t padding = bytes[i + 6];

        i += HEADER_SIZE;
        if (content + padding > length - i || (type == STDOUT && content > sizeof text - used)) {
            fputs("client_receive: a broken record\n", stderr);
            abort();
        }
        if (type == STDOUT) {
            memcpy(text + used, bytes + i, content);
            used += content;
        }
        if (type == END_REQUEST)
            ret->complete = true;
        i += content + padding;
    }
    split(text, used, ret);
}

const char *client_header(const struct client_reply *reply, const char *name) {
    static char value[sizeof reply->head];
    const size_t name_length = strlen(name);
    const char *line = reply->head;

    while (*line != '\0') {
        const size_t length = strcspn(line, "\r");

        if (length > name_length + 1 && strncasecmp(line, name, name_length) == 0 &&
            line[name_length] == ':') {
            const size_t start = name_length + 1 + strspn(line + name_length + 1, " ");

            memcpy(value, line + start, length - start);
            value[length - start] = '\0';
            return value;
        }
        line += length + strspn(line + length, "\r\n");
    }
    return NULL;
}

unsigned client_status(const struct client_reply *reply) {
    const char *text = client_header(reply, "Status");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 0;
}
