/* details: the sentences that a problem's detail may be. Tests hold every detail to this list, so
 * that none can carry a part of the request. */
#ifndef BCRYPTD_TESTS_DETAILS_H
#define BCRYPTD_TESTS_DETAILS_H

#include <stdbool.h>

/* True when detail is one of the known sentences, with any number where one belongs. */
bool details_known(const char *detail);

#endif
