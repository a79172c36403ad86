/* SPDX-License-Identifier: MIT
 * The statistics as the program gets them: mallinfo, text, JSON. */
#ifndef BRKMALLOC_STATS_PRINT_H
#define BRKMALLOC_STATS_PRINT_H

#include "base/base.h"
#include "kit/optional_room.h"

extern const struct optional_room brkm__stats_room BRKM_HIDDEN;

#endif
