#include "fault.h"

#include <stdio.h>
#include <stdlib.h>

void engine_lanes_fault(struct blowfish *cipher, unsigned place) {
    static unsigned long finished;
    const char *fault = getenv("BCRYPTD_TEST_FAULT");
    unsigned broken_place;
    unsigned long after;

    if (fault == NULL || sscanf(fault, "%u:%lu", &broken_place, &after) != 2)
        return;
    if (finished++ >= after && place == broken_place)
        cipher->sbox[2][77] ^= 0x100;
}
