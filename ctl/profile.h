/* SPDX-License-Identifier: MIT
 *
 * A heap profile of a running process: begun, taken and ended. */
#ifndef BRKM_CTL_PROFILE_H
#define BRKM_CTL_PROFILE_H

#include "process.h"

/* Seconds that a profile lasts where nothing is said, and at most. */
#define PROFILE_SECONDS 10
#define PROFILE_SECONDS_MAX 86000

struct profile_wish {
    long seconds;         /* 0: PROFILE_SECONDS, or none where the profile is on already */
    const char *interval; /* bytes from sample to sample; NULL: the process's own */
    const char *path;
};

/* Profiles the process for `seconds`, or until SIGINT or SIGTERM, into the new file `path`; "-" for
 * standard output, NULL for brkmalloc.PID.heap. A profile that is on already stays on. */
enum status profile_process(const struct process *process, struct profile_wish wish);

#endif
