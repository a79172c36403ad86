/* SPDX-License-Identifier: MIT
 * Which frames of a stack are the allocator's own. */
#ifndef PROFILE_ALLOCATOR_FRAMES_H
#define PROFILE_ALLOCATOR_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "profile.h"

/* Whether a function of this name is a way into the allocator, as `malloc` and `operator new`. */
bool allocator_frames_has_way_in(const char *name);

/* How many of the innermost locations belong to the allocator or are ways into it: fewer than all.
 * The locations are indexes into those of the profile. */
size_t allocator_frames_count(const struct profile *profile, const uint32_t *locations,
                              size_t count);

#endif
