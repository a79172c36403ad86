/* SPDX-License-Identifier: MIT
 * What the page shows of a trace, as JSON. */
#ifndef REPORT_TRACE_REPORT_H
#define REPORT_TRACE_REPORT_H

#include "../profile/text.h"
#include "course.h"
#include "page.h"
#include "replayed.h"

/* What is known of a trace. */
struct traced {
    struct course *course;
    struct trace_sites *sites;
    struct trace *trace;
    const struct replays *replays; /* empty where the trace was not replayed */
};

void trace_report_make(struct text *report, const struct traced *traced, struct page_maps maps,
                       const char *file);

#endif
