/* password: what bcrypt can hold, what a bcrypt hash looks like, and how two are compared. */
#ifndef BCRYPTD_PASSWORD_H
#define BCRYPTD_PASSWORD_H

#include "problem.h"

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_MAX 72         /* bcrypt ignores every byte after these */
#define PASSWORD_SETTING_LEN 29 /* "$2b$12$" and 22 characters of salt */
#define PASSWORD_HASH_LEN 60    /* the setting and 31 characters of hash */

/* A password's bytes, with a NUL after them for crypt(3). */
struct password {
    char bytes[PASSWORD_MAX + 1];
    size_t length;
};

/* Copies bytes into ret when bcrypt holds them all: 1 to 72, no NUL. Returns 0, or -1 with the
 * problem set. */
int password_set(struct password *ret, const char *bytes, size_t length, struct problem *problem);

/* A crypt(5) setting of the kind $2b$ with the given cost (4 to 31) and a fresh random salt.
 * Returns 0 or -errno. */
int password_new_setting(unsigned cost, char ret_setting[static PASSWORD_SETTING_LEN + 1]);

/* Checks that text is a whole bcrypt hash of the kinds $2a$, $2b$ or $2y$. Returns its cost, or
 * -1 when it is not one. */
int password_parse_hash(const char *text, size_t length);

/* True when two whole hashes end in the same 31 characters, in a time that does not depend on
 * where they differ. (The salt's last character has unused bits, which some libraries set, so
 * settings are not compared.) */
bool password_equal(const char *left, const char *right);

/* True for a hash of another kind than $2b$, or of a cost below the one given to new hashes. */
bool password_needs_rehash(const char *hash, unsigned cost);

#endif
