/* SPDX-License-Identifier: MIT
 * A heap profile that a client began is on for a term: it ends by itself where the client does not
 * come back. All of it is the service thread's own. */
#ifndef BRKMALLOC_SERVICE_PROFILE_TERM_H
#define BRKMALLOC_SERVICE_PROFILE_TERM_H

#include "base/base.h"
#include "brkmalloc/brkmalloc.h"

/* The longest term, in seconds. */
#define PROFILE_TERM_MAX 86400u

enum profile_term {
    PROFILE_TERM_BEGUN,
    PROFILE_TERM_IS_ON_ALREADY,
    PROFILE_TERM_NO_MEMORY,
    PROFILE_TERM_HAS_INTERVAL
};

/* Begins to sample, or goes on with it, for that many seconds. Nothing happens where the program or
 * an option has the profile on. `interval` is the option profile_interval of a process whose first
 * profile this is; it stays. 0: as the option says. */
enum profile_term brkm__profile_term_begin(uint64_t seconds, size_t interval);

/* Ends a term; false when there is none. */
bool brkm__profile_term_end(void);

/* Writes the profile to a function; false when none was ever begun. */
bool brkm__profile_take(brkm_writer write, void *context);

/* Ends the term if it is over. Milliseconds to the next look; UINT64_MAX without a term. */
uint64_t brkm__profile_term_look(void);

#endif
