/* Hashes to verify: password_parse_hash() against libxcrypt's own opinion, then the same text in a
 * whole request to /v1/verify. */
#include "client.h"
#include "fcgi.h"
#include "options.h"
#include "property.h"
#include "request.h"

#include <crypt.h>
#include <string.h>
#include <unistd.h>

#define BODY_SIZE 8192

static const struct client_param params[] = {{"REQUEST_METHOD", "POST"},
                                             {"REQUEST_URI", "/v1/verify"},
                                             {"CONTENT_TYPE", "application/json"},
                                             {NULL, NULL}};
static struct options options;
static int listen_fd = -1;

/* What is taken for a hash must be one for libxcrypt too: it is handed to it. */
static int check_parse(const char *text, size_t length) {
    const int cost = password_parse_hash(text, length);
    char hash[PASSWORD_HASH_LEN + 1];
    char other[PASSWORD_HASH_LEN + 1];

    if (cost < 0)
        return -1;
    PROPERTY(length == PASSWORD_HASH_LEN && cost >= 4 && cost <= 31);
    memcpy(hash, text, PASSWORD_HASH_LEN);
    hash[PASSWORD_HASH_LEN] = '\0';
    PROPERTY(strlen(hash) == PASSWORD_HASH_LEN);
    PROPERTY(strtol(hash + 4, NULL, 10) == cost);
    PROPERTY(crypt_checksalt(hash) == CRYPT_SALT_OK);
    PROPERTY(password_equal(hash, hash));
    PROPERTY(password_needs_rehash(hash, (unsigned)cost) == (hash[2] != 'b'));
    PROPERTY(password_needs_rehash(hash, (unsigned)cost + 1));
    memcpy(other, hash, sizeof other);
    other[PASSWORD_HASH_LEN - 1] = other[PASSWORD_HASH_LEN - 1] == '.' ? '/' : '.';
    PROPERTY(!password_equal(hash, other));
    return cost;
}

/* Each byte as an escape: those of a hash stand for themselves. */
static size_t write_body(char *body, const uint8_t *data, size_t size) {
    size_t used = (size_t)snprintf(body, BODY_SIZE, "{\"password\":\"p\",\"hash\":\"");

    for (size_t i = 0; i < size && used < BODY_SIZE - 16; i++)
        used += (size_t)snprintf(body + used, BODY_SIZE - used, "\\u%04x", (unsigned)data[i]);
    return used + (size_t)snprintf(body + used, BODY_SIZE - used, "\"}");
}

static void check_request(const uint8_t *data, size_t size, int cost) {
    char body[BODY_SIZE];
    const size_t length = write_body(body, data, size);
    const int fd = client_request(listen_fd, params, body, length);
    struct fcgi_connection connection = {0};
    struct request request = {0};
    struct problem problem = {0};
    int result;

    PROPERTY(fcgi_accept(&connection, listen_fd, 1000) == 0);
    PROPERTY(fcgi_begin(&connection, 1000) == 0);
    request_identify(&connection, &request);
    PROPERTY(request.route == STATS_VERIFY);
    result = request_read(&connection, &options, &request, &problem);
    PROPERTY((result == 0) == (cost >= 4 && (unsigned)cost <= options.max_cost));
    if (result == 0) {
        PROPERTY(request.cost == (unsigned)cost);
        PROPERTY(memcmp(request.setting, data, size) == 0);
        PROPERTY(strcmp(request.password.bytes, "p") == 0);
    } else {
        property_problem(&problem);
        if (cost >= 0)
            PROPERTY(problem.kind == PROBLEM_UNPROCESSABLE_COST);
        else
            PROPERTY(problem.kind ==
                     (length > 4096 ? PROBLEM_TOO_LARGE : PROBLEM_UNPROCESSABLE_HASH));
    }
    fcgi_finish(&connection);
    request_wipe(&request);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (listen_fd < 0)
        listen_fd = property_listen(&options);
    check_request(data, size, check_parse((const char *)data, size));
    return 0;
}
