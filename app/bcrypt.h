/* bcrypt: what stands around the cipher's turns (N. Provos and D. Mazières, "A Future-Adaptable
 * Password Scheme", USENIX 1999): a password and a setting become a cipher to be turned, and the
 * turned cipher becomes the hash. Equal to libxcrypt's bit for bit for $2a$, $2b$ and $2y$. */
#ifndef BCRYPTD_BCRYPT_H
#define BCRYPTD_BCRYPT_H

#include "blowfish.h"
#include "password.h"

/* Starts a cipher for a password and a setting (or a whole hash, whose setting is taken). The
 * caller turns it by blowfish_turn() as often as *ret_turns says. Returns 0, or -EINVAL for a
 * setting of another method, cost or alphabet. */
int bcrypt_begin(struct blowfish *cipher, const struct password *password, const char *setting,
                 uint64_t *ret_turns);

/* Writes the hash of a cipher that was turned, with its NUL. setting is the one it began with. */
void bcrypt_end(const struct blowfish *cipher, const char *setting,
                char ret_hash[static PASSWORD_HASH_LEN + 1]);

#endif
