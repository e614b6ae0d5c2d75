/* fault: breaks what the lanes engine computes, as broken hardware would. Linked with an
 * app/engine_lanes.c that was compiled with BCRYPTD_FAULT; no other program has the hook.
 *
 * The environment's BCRYPTD_TEST_FAULT=PLACE:AFTER breaks every hash that ends in this place, but
 * for the first AFTER ones of the process. */
#ifndef BCRYPTD_TESTS_FAULT_H
#define BCRYPTD_TESTS_FAULT_H

#include "blowfish.h"

void engine_lanes_fault(struct blowfish *cipher, unsigned place);

#endif
