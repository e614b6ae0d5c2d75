/* listener: the listening unix sockets: the pool for hash requests and one for the status
 * process; taken over from systemd, or made here. */
#ifndef BCRYPTD_LISTENER_H
#define BCRYPTD_LISTENER_H

#include "options.h"

#define LISTENER_POOL_MAX 16

struct listener {
    bool inherited; /* from systemd, which keeps them when this process ends */
    unsigned pool_size;
    int pool[LISTENER_POOL_MAX];
    int status;
    char pool_path[LISTENER_POOL_MAX][OPTIONS_TEXT_SIZE];
    char status_path[OPTIONS_TEXT_SIZE];
};

/* Takes systemd's sockets when it passed some (the one whose file is called status.sock is the
 * status socket), else makes them by the options. All are non-blocking and close-on-exec.
 * Returns 0, or -errno with a text in ret_error. */
int listener_open(const struct options *options, struct listener *ret,
                  char ret_error[static OPTIONS_ERROR_SIZE]);

/* Refuses new connections on the own pool sockets, in every process that shares them; those that
 * wait can still be accepted. Their files are removed where the process may. */
void listener_refuse(const struct listener *listener);

/* The same for all own sockets. */
void listener_unlink(const struct listener *listener);

/* Closes all sockets. */
void listener_close(struct listener *listener);

#endif
