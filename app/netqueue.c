#include "netqueue.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_SIZE 4096
#define ANSWER_TIMEOUT_MS 100

struct question {
    struct nlmsghdr header;
    struct unix_diag_req body;
};

int netqueue_open(int *ret_netlink) {
    const struct timeval limit = {.tv_usec = (suseconds_t)ANSWER_TIMEOUT_MS * 1000};
    const int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    if (netlink < 0)
        return -errno;
    if (setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0) {
        const int result = -errno;

        close(netlink);
        return result;
    }
    *ret_netlink = netlink;
    return 0;
}

static int ask(int netlink, uint32_t inode) {
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    const struct question question = {
        .header = {.nlmsg_len = sizeof question,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = UINT32_MAX,
                 .udiag_ino = inode,
                 .udiag_show = UDIAG_SHOW_RQLEN,
                 .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
    };
    const ssize_t sent = sendto(netlink, &question, sizeof question, 0,
                                (const struct sockaddr *)&kernel, sizeof kernel);

    return sent < 0 ? -errno : 0;
}

/* Finds the queue's figures among the attributes of the answer. */
static int parse(const struct nlmsghdr *message, uint32_t *ret_depth, uint32_t *ret_limit) {
    const struct unix_diag_msg *body = NLMSG_DATA(message);
    const struct rtattr *attribute = (const struct rtattr *)(const void *)(body + 1);
    size_t left;

    if (message->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(message);

        return error->error < 0 ? error->error : -EPROTO;
    }
    if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        message->nlmsg_len < NLMSG_LENGTH(sizeof *body))
        return -EPROTO;
    left = message->nlmsg_len - NLMSG_LENGTH(sizeof *body);
    while (RTA_OK(attribute, left)) {
        if (attribute->rta_type == UNIX_DIAG_RQLEN) {
            const struct unix_diag_rqlen *queue = RTA_DATA(attribute);

            *ret_depth = queue->udiag_rqueue;
            *ret_limit = queue->udiag_wqueue;
            return 0;
        }
        attribute = RTA_NEXT(attribute, left);
    }
    return -ENODATA;
}

/* Throws away answers that came too late for an earlier question. */
static void drain(int netlink) {
    char waste[ANSWER_SIZE];

    while (recv(netlink, waste, sizeof waste, MSG_DONTWAIT) > 0)
        continue;
}

int netqueue_get(int netlink, int listen_fd, uint32_t *ret_depth, uint32_t *ret_limit) {
    _Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)answer;
    struct stat status;
    ssize_t length;
    int result;

    if (fstat(listen_fd, &status) < 0)
        return -errno;
    drain(netlink);
    result = ask(netlink, (uint32_t)status.st_ino);
    if (result < 0)
        return result;
    length = recv(netlink, answer, sizeof answer, 0);
    if (length < 0)
        return -errno;
    if (!NLMSG_OK(message, (size_t)length))
        return -EPROTO;
    return parse(message, ret_depth, ret_limit);
}
