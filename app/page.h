/* page: the internal listener's page for people, built of the files in app/page. */
#ifndef BCRYPTD_PAGE_H
#define BCRYPTD_PAGE_H

#include "fcgi.h"

/* Sends the page, with a policy of its own that allows the browser this page's style and script
 * and requests to where it came from, and nothing else. Returns 0 or -EPIPE. */
int page_reply(struct fcgi_connection *connection);

#endif
