/* SPDX-License-Identifier: MIT
 *
 * The call sites of a trace's stacks. A site is the function that called the allocator, with its
 * line; its stacks are many. The page has the callers of those stacks alone through which most was
 * requested, of each site that of the largest one. */
#ifndef REPORT_TRACE_SITES_H
#define REPORT_TRACE_SITES_H

#include <stdbool.h>
#include <stdint.h>

#include "../profile/name_table.h"
#include "../trace/reader.h"

struct trace_sites {
    uint32_t *site_of;        /* by number of stack: that of its site; 0: none */
    uint16_t *shown_as;       /* by number of stack: that of the page's; 0: none */
    struct name_table names;  /* of sites, by number - 1 */
    struct name_table stacks; /* lines of the page's stacks, by number - 1 */
    uint32_t *largest;        /* by number of site: the stack through which most was requested */
};

/* Reads the trace of these bytes to its end; without call stacks there are no sites. False with the
 * problem set; trace_sites_free is allowed after a failure, too. */
bool trace_sites_make(struct trace_sites *sites, const unsigned char *bytes, uint64_t length,
                      struct problem *problem);
void trace_sites_free(struct trace_sites *sites);

#endif
