/* parts: the two parts of an engine for the fuzz target of the lanes. Both look libxcrypt's answers
 * up in a table, as computing them anew for each input would take all of its time. The reference
 * always gives the right one; the liar plays the fast part, with lanes that take several steps, and
 * gives a wrong one once it has been told to. */
#ifndef BCRYPTD_TESTS_PARTS_H
#define BCRYPTD_TESTS_PARTS_H

#include "engine.h"

enum parts_lie { PARTS_WRONG_HASH, PARTS_OTHER_HASH, PARTS_FAILURE, PARTS_LIES };

extern const struct engine_operations parts_reference;
extern const struct engine_operations parts_liar;

/* The hash that libxcrypt computes, NULL when it computes none. It stays. */
const char *parts_answer(const struct password *password, const char *setting);

/* Lets the liar be right so often, and then lie for ever. */
void parts_plan_lie(enum parts_lie lie, unsigned right_takes);

/* How often the liar has lied since then. */
unsigned parts_lies(void);

#endif
