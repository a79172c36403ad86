/* SPDX-License-Identifier: MIT
 * The heap profile's beginning and end, and the program's ways to it. */
#ifndef BRKMALLOC_PROFILE_CONTROL_H
#define BRKMALLOC_PROFILE_CONTROL_H

#include "base/base.h"
#include "kit/optional_room.h"

/* Puts the options into force. Called by the constructor. */
void brkm__profiling_apply(void);

/* Writes the profile and reports leaks, where that is asked for. Returns the exit status that leaks
 * give the process; 0 when it keeps its own. */
int brkm__profiling_at_exit(void);

extern const struct optional_room brkm__profile_room BRKM_HIDDEN;

#endif
