/* SPDX-License-Identifier: MIT
 * The profile as pprof reads it: the message of its profile.proto. */
#ifndef PROFILE_PPROF_FORMAT_H
#define PROFILE_PPROF_FORMAT_H

#include "profile.h"
#include "text.h"

/* Adds the message, not yet compressed. */
void pprof_format_add(struct text *message, const struct profile *profile);

#endif
