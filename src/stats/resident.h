/* SPDX-License-Identifier: MIT
 * The resident memory of the process, as the system counts it. */
#ifndef BRKMALLOC_STATS_RESIDENT_H
#define BRKMALLOC_STATS_RESIDENT_H

#include "base/base.h"

/* Bytes; 0 where /proc is not there. */
uint64_t brkm__resident_bytes(void);

#endif
