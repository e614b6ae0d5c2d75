/* engine_check: whether a part of an engine computes what it should, before it serves. */
#ifndef BCRYPTD_ENGINE_CHECK_H
#define BCRYPTD_ENGINE_CHECK_H

#include "engine.h"

/* Lets lane 0 of a part compute the known answers. Returns 0, -errno, or -EBADMSG when one is
 * wrong; *ret_ns is the shortest time that one took. */
int engine_check_answers(const struct engine_operations *part, void *state, uint64_t *ret_ns);

/* Lets a part compute with each number of lanes from lanes down to 1, all of them at once: the
 * known answers, and random passwords that the reference computes too. Each lane is so checked with
 * each number of neighbours. Returns 0, -EBADMSG when the part is wrong or fails, or another
 * -errno; *ret_ns is the time of a hash with all lanes. */
int engine_check_lanes(const struct engine_operations *part, void *state, unsigned lanes,
                       const struct engine_operations *reference, void *reference_state,
                       uint64_t *ret_ns);

#endif
