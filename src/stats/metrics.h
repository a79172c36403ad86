/* SPDX-License-Identifier: MIT
 * The counters as OpenMetrics text, for monitoring systems: in constant time, without a walk. */
#ifndef BRKMALLOC_STATS_METRICS_H
#define BRKMALLOC_STATS_METRICS_H

#include "base/base.h"
#include "kit/text.h"

void brkm__metrics_write(struct writer *writer);

#endif
