/* Raw bytes on a pool socket: fcgi_begin(), request_identify() and request_read(), as a worker
 * calls them. The sender ends its side at once, so nothing waits. */
#include "client.h"
#include "fcgi.h"
#include "options.h"
#include "property.h"
#include "request.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 1000
#define HEADER_SIZE 8
#define BEGIN_REQUEST 1
#define PARAMS 4
#define VAST (1024 * 1024)
#define SIZE_MAX_SENT 65536 /* fits into a socket's buffer, for nobody reads meanwhile */

static struct options options;
static int listen_fd = -1;

static void check_identity(const struct request *request) {
    const size_t length = strnlen(request->id, sizeof request->id);

    PROPERTY(request->route <= STATS_OTHER);
    PROPERTY(length >= 1 && length < sizeof request->id);
    for (size_t i = 0; i < length; i++)
        PROPERTY(isalnum((unsigned char)request->id[i]) || request->id[i] == '-' ||
                 request->id[i] == '_');
}

static void check_good(const struct request *request) {
    property_password(&request->password);
    PROPERTY(request->cost <= options.max_cost);
    if (request->route == STATS_VERIFY) {
        PROPERTY(password_parse_hash(request->setting, strlen(request->setting)) ==
                 (int)request->cost);
        return;
    }
    PROPERTY(request->route == STATS_GETHASH || request->route == STATS_HASH);
    PROPERTY(request->cost >= options.min_cost);
    PROPERTY(strlen(request->setting) == PASSWORD_SETTING_LEN);
    PROPERTY(strtoul(request->setting + 4, NULL, 10) == request->cost);
}

static void check_connection(struct fcgi_connection *connection) {
    struct request request = {0};
    struct problem problem = {0};
    int result;

    request_identify(connection, &request);
    check_identity(&request);
    result = request_read(connection, &options, &request, &problem);
    PROPERTY((result == 0) == (problem.kind == PROBLEM_NONE));
    if (result == 0) {
        check_good(&request);
    } else {
        property_problem(&problem);
        PROPERTY((problem.allow != NULL) == (problem.kind == PROBLEM_METHOD_NOT_ALLOWED));
    }
    request_wipe(&request);
}

/* Whatever came, the connection is closed in the end. */
static void check_closed(int fd) {
    struct pollfd entry = {.fd = fd, .events = POLLRDHUP};

    PROPERTY(poll(&entry, 1, 0) == 1 && (entry.revents & (POLLRDHUP | POLLHUP)) != 0);
}

/* The bytes of a request's parameters, gathered from their records. */
struct gathered {
    uint8_t bytes[SIZE_MAX_SENT];
    size_t length;
};

/* Takes a length of one or of four bytes off the front; false at the end. */
static bool take_length(const struct gathered *params, size_t *index, size_t *ret_length) {
    const uint8_t *bytes = params->bytes + *index;
    const size_t left = params->length - *index;

    if (left == 0 || (bytes[0] >= 0x80 && left < 4))
        return false;
    *ret_length = bytes[0];
    if (bytes[0] >= 0x80)
        *ret_length = (size_t)(bytes[0] & 0x7f) << 24 | (size_t)bytes[1] << 16 |
                      (size_t)bytes[2] << 8 | bytes[3];
    *index += bytes[0] >= 0x80 ? 4 : 1;
    return true;
}

static bool has_vast_param(const struct gathered *params) {
    size_t name_length;
    size_t value_length;
    size_t i = 0;

    while (take_length(params, &i, &name_length) && take_length(params, &i, &value_length)) {
        if (name_length > VAST || value_length > VAST)
            return true;
        if (name_length + value_length > params->length - i)
            return false;
        i += name_length + value_length;
    }
    return false;
}

/* One record's header. */
struct record {
    unsigned type;
    unsigned request;
    size_t content;
    size_t padding;
};

static struct record read_header(const uint8_t *data) {
    return (struct record){
        .type = data[1],
        .request = (unsigned)data[2] << 8 | data[3],
        .content = (size_t)data[4] << 8 | data[5],
        .padding = data[6],
    };
}

/* Gathers the parameters of the first request. False when a record belongs to no request. */
static bool gather(const uint8_t *data, size_t size, struct gathered *params) {
    unsigned request = 0;
    size_t i = 0;

    params->length = 0;
    while (size - i >= HEADER_SIZE && data[i] == 1) {
        struct record record = read_header(data + i);
        const bool is_begin = record.type == BEGIN_REQUEST && request == 0;
        const bool is_param = record.type == PARAMS && record.request == request;

        i += HEADER_SIZE;
        if (record.request == 0)
            return false;
        if (is_begin)
            request = record.request;
        /* The library does not expect a padding after these two, and reads it as a header. */
        if (is_begin || (is_param && record.content == 0))
            record.padding = 0;
        if (record.content > size - i)
            record.content = size - i;
        if (is_param)
            memcpy(params->bytes + params->length, data + i, record.content);
        params->length += is_param ? record.content : 0;
        i += record.content;
        if (record.padding > size - i)
            break;
        i += record.padding;
    }
    return true;
}

/* True for what nginx never sends and libfcgi 2.4.2 is not fit for. Of records that belong to no
 * request it leaks memory at each of an unknown type, and overflows its stack at one that asks for
 * more than three values. For a parameter it asks for as much memory as its lengths say, and uses
 * it without a look whether there is so much. */
static bool is_beyond_the_library(const uint8_t *data, size_t size) {
    static struct gathered params;

    return !gather(data, size, &params) || has_vast_param(&params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fcgi_connection connection = {0};
    int result;
    int fd;

    if (listen_fd < 0)
        listen_fd = property_listen(&options);
    if (size > SIZE_MAX_SENT || is_beyond_the_library(data, size))
        return -1;
    fd = client_connect(listen_fd);
    client_send(fd, data, size, true);
    PROPERTY(fcgi_accept(&connection, listen_fd, TIMEOUT_MS) == 0);
    PROPERTY(fcgi_arrived(&connection));
    result = fcgi_begin(&connection, TIMEOUT_MS);
    PROPERTY(result == 0 || result == -EPROTO);
    PROPERTY(connection.open == (result == 0));
    if (result == 0)
        check_connection(&connection);
    fcgi_finish(&connection);
    PROPERTY(!connection.open);
    check_closed(fd);
    close(fd);
    return 0;
}
