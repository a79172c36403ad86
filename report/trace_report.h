/* SPDX-License-Identifier: MIT
 * What the page shows of a trace, as JSON. */
#ifndef REPORT_TRACE_REPORT_H
#define REPORT_TRACE_REPORT_H

#include "../profile/text.h"
#include "course.h"
#include "replayed.h"

/* `replays` is empty where the trace was not replayed. */
void trace_report_make(struct text *report, const struct course *course,
                       const struct trace_header *header, const char *file,
                       const struct replays *replays);

#endif
