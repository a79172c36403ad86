/* SPDX-License-Identifier: MIT
 * What differs between two snapshots, or between two heap profiles. */
#ifndef REPORT_HEAP_DIFFERENCE_H
#define REPORT_HEAP_DIFFERENCE_H

#include "../profile/profile.h"
#include "difference.h"
#include "heap_snapshot.h"
#include "picture.h"

/* The finished picture has the runs of the first snapshot at moment 0, of the second at 1. */
void difference_of_snapshots(struct difference *difference,
                             const struct heap_snapshot snapshots[SIDE_COUNT],
                             const struct picture *picture);

void difference_of_profiles(struct difference *difference,
                            const struct profile profiles[SIDE_COUNT]);

#endif
