/* SPDX-License-Identifier: MIT
 * The statistics as a table for people. */
#ifndef BRKMALLOC_STATS_TABLE_H
#define BRKMALLOC_STATS_TABLE_H

#include "kit/text.h"
#include "stats/stats.h"

void brkm__stats_write_table(struct writer *writer, const struct snapshot *now);

#endif
