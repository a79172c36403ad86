/* SPDX-License-Identifier: MIT
 * What the page shows of a trace, as JSON. */
#ifndef REPORT_TRACE_REPORT_H
#define REPORT_TRACE_REPORT_H

#include "../profile/text.h"
#include "course.h"
#include "replayed.h"

/* What is known of a trace. */
struct traced {
    const struct course *course;
    const struct trace_sites *sites;
    const struct trace *trace;
    const struct replays *replays; /* empty where the trace was not replayed */
};

void trace_report_make(struct text *report, struct traced traced, const char *file);

#endif
