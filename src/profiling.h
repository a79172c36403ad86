/* SPDX-License-Identifier: MIT
 * Layer 15: the heap profile's beginning and end, and the program's ways to it. */
#ifndef BRKMALLOC_PROFILING_H
#define BRKMALLOC_PROFILING_H

#include "base.h"

/* Puts the options into force. Called by the constructor. */
void brkm__profiling_apply(void);

/* Writes the profile and reports leaks, where that is asked for. Returns the exit status that leaks
 * give the process; 0 when it keeps its own. */
int brkm__profiling_at_exit(void);

#endif
