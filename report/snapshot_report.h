/* SPDX-License-Identifier: MIT
 * What the page shows of one snapshot or several, as JSON. */
#ifndef REPORT_SNAPSHOT_REPORT_H
#define REPORT_SNAPSHOT_REPORT_H

#include "../profile/text.h"
#include "heap_snapshot.h"

void snapshot_report_make(struct text *report, const struct heap_snapshot *snapshots, size_t count,
                          char *const *files, const struct picture *picture);

#endif
