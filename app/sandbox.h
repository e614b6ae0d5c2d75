/* sandbox: what a process may still do once it has started. */
#ifndef BCRYPTD_SANDBOX_H
#define BCRYPTD_SANDBOX_H

/* For every process of the program: no core file, no new privileges. Returns 0 or -errno. */
int sandbox_harden(void);

/* Becomes the named user with its groups; "" does nothing. Needs root. Returns 0 or -errno
 * (-ENOENT: no such user). */
int sandbox_become(const char *user);

/* For the workers, last step of their start: memory closed to other processes of the same user,
 * and a system call filter that kills on a breach. Sanitizer builds go without the filter.
 * Returns 0 or -errno. */
int sandbox_enter(void);

#endif
