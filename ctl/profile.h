/* SPDX-License-Identifier: MIT
 *
 * A heap profile of a running process: begun, taken and ended. */
#ifndef BRKM_CTL_PROFILE_H
#define BRKM_CTL_PROFILE_H

#include "process.h"

/* Seconds that a profile lasts where nothing is said, and at most. */
#define PROFILE_SECONDS 10
#define PROFILE_SECONDS_MAX 86000

/* Profiles the process for `seconds`, or until SIGINT or SIGTERM, into the new file `path`; "-" for
 * standard output, NULL for brkmalloc.PID.heap. With 0 seconds for PROFILE_SECONDS, or at once
 * where the profile is on already, which then stays on. */
enum status profile_process(const struct process *process, long seconds, const char *path);

#endif
