/* SPDX-License-Identifier: MIT
 * What the page shows of one snapshot or several, as JSON. */
#ifndef REPORT_SNAPSHOT_REPORT_H
#define REPORT_SNAPSHOT_REPORT_H

#include "../profile/text.h"
#include "heap_snapshot.h"

struct snapshot_set {
    const struct heap_snapshot *snapshots; /* in the order of time */
    size_t count;
    char *const *files;
    const struct picture *picture;
    const struct call_sites *sites;
};

void snapshot_report_make(struct text *report, const struct snapshot_set *set);

#endif
