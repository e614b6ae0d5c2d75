/* netqueue: how many connections wait on a listening unix socket and how many may, asked from
 * the kernel by netlink (sock_diag(7), unix sockets' UDIAG_SHOW_RQLEN). */
#ifndef BCRYPTD_NETQUEUE_H
#define BCRYPTD_NETQUEUE_H

#include <stdint.h>

/* Opens the netlink socket. Returns 0 or -errno. */
int netqueue_open(int *ret_netlink);

/* Asks for one listening socket. Works in the network namespace where it was made only. Returns
 * 0, or -errno (-ENOENT: not there). */
int netqueue_get(int netlink, int listen_fd, uint32_t *ret_depth, uint32_t *ret_limit);

#endif
