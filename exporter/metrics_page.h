/* SPDX-License-Identifier: MIT
 *
 * /metrics: what all processes answer, as one text. */
#ifndef BRKM_EXPORTER_METRICS_PAGE_H
#define BRKM_EXPORTER_METRICS_PAGE_H

#include <stdbool.h>

#include "../profile/text.h"

/* Milliseconds that a process has for its answer. */
#define METRICS_LIMIT_MS 2000

/* Asks all processes, by the program `asker`, and adds their metrics to the text. Who comes while
 * they are asked for another waits for that and gets the same. */
void metrics_page_make(struct text *text, const char *asker, bool openmetrics);

#endif
