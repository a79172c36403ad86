/* SPDX-License-Identifier: MIT
 *
 * /debug/pprof/heap: a heap profile of one process, as pprof reads it. */
#ifndef BRKM_EXPORTER_HEAP_PROFILE_H
#define BRKM_EXPORTER_HEAP_PROFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "../profile/text.h"

/* Seconds that a client may ask for; it holds one of a few places meanwhile. */
#define HEAP_PROFILE_SECONDS_MAX 60

/* Profiles that are taken at a time, of different processes. */
#define HEAP_PROFILES_AT_ONCE 4

/* What takes and what reads profiles. */
struct profile_programs {
    const char *asker;
    const char *reader; /* NULL when there is none */
};

/* Takes a profile as `brkmalloc ctl PID profile` does; 0 seconds for what that does of itself.
 * Returns the HTTP status; the text is the profile, compressed, or words about what is wrong. */
int heap_profile_take(struct text *text, const struct profile_programs *programs, pid_t id,
                      long seconds);

#endif
