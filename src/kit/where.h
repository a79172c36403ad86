/* SPDX-License-Identifier: MIT
 * Where a fault was found: lines behind its message, for people and for `brkmalloc explain`.
 * Without allocating, and without waiting for a lock. */
#ifndef BRKMALLOC_KIT_WHERE_H
#define BRKMALLOC_KIT_WHERE_H

#include "base/base.h"

/* Process and program. */
void brkm__where_tell_process(void);

/* "DONE by thread N:" and a line "ADDRESS FILE+OFFSET" for each frame. */
void brkm__where_tell_stack(const char *done, int thread, void *const *frames, size_t count);

/* The build id of each file that the frames lie in, as far as it has one. */
void brkm__where_tell_builds(void *const *frames, size_t count);

/* All of these, for the calling thread. */
void brkm__where_tell(void);

#endif
