/* SPDX-License-Identifier: MIT
 * Makes a profile of what the allocator wrote: finds the names of functions, leaves out the
 * allocator's own frames. */
#ifndef PROFILE_MAKING_H
#define PROFILE_MAKING_H

#include "profile.h"
#include "raw_profile.h"

struct profile_options {
    bool is_at_peak;      /* what was in use at the peak, instead of at the writing */
    bool keeps_allocator; /* the innermost frames that are the allocator's */
    const char *symbols;  /* folder with the files of other machines, or NULL; see symbols.h */
};

void profile_make(struct profile *profile, const struct raw_profile *raw,
                  struct profile_options options);

#endif
