/* SPDX-License-Identifier: MIT
 * Which frames of a stack are the allocator's own. */
#ifndef PROFILE_ALLOCATOR_FRAMES_H
#define PROFILE_ALLOCATOR_FRAMES_H

#include <stddef.h>

#include "profile.h"

/* How many of the innermost locations belong to the allocator or are ways into it, as `malloc` and
 * `operator new`: fewer than all. The locations are indexes into those of the profile. */
size_t allocator_frames_count(const struct profile *profile, const uint32_t *locations,
                              size_t count);

#endif
