#include "page.h"

#include "page_data.h"

/* Cached, but asked for at each use: another version's page is never shown. nginx adds its own
 * policy only to what brings none. */
static const char head[] = "Status: 200\r\n"
                           "Content-Type: text/html; charset=utf-8\r\n"
                           "Cache-Control: no-cache\r\n"
                           "Content-Security-Policy: default-src 'none'; "
                           "style-src " PAGE_STYLE_HASH "; script-src " PAGE_SCRIPT_HASH "; "
                           "connect-src 'self'; img-src data:; base-uri 'none'; "
                           "form-action 'none'; frame-ancestors 'none'; "
                           "require-trusted-types-for 'script'\r\n";

int page_reply(struct fcgi_connection *connection) {
    return fcgi_reply(connection, head, (const char *)page_html, sizeof page_html);
}
