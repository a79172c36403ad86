/* SPDX-License-Identifier: MIT
 * Layer 14: one consistent picture of the counters that other modules own, and its printed forms.
 */
#ifndef BRKMALLOC_STATS_H
#define BRKMALLOC_STATS_H

#include "base.h"

/* Writes what the allocator has served to standard error, without allocating. */
void brkm__stats_print(void);

#endif
