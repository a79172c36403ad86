/* SPDX-License-Identifier: MIT
 *
 * The HTTP server: which request gets which page. */
#ifndef BRKM_EXPORTER_SERVER_H
#define BRKM_EXPORTER_SERVER_H

#include "../ctl/process.h"
#include "heap_profile.h"

struct server_options {
    const char *address; /* a number, of IPv4 or IPv6 */
    int port;            /* 0 for a free one */
    struct profile_programs programs;
};

/* Begins to serve, in threads of its own, and says where on standard output; or what is wrong.
 */
enum status server_start(const struct server_options *options);

/* When all requests have been answered. */
void server_stop(void);

#endif
