/* SPDX-License-Identifier: MIT
 * The heap profile as malloc's recorder (malloc/watcher.h): sampling joined with the records. */
#ifndef BRKMALLOC_PROFILE_RECORDER_H
#define BRKMALLOC_PROFILE_RECORDER_H

#include "base/base.h"

/* Samples are taken from now on, or no longer. The records are there, and sampling has begun. */
void brkm__recorder_turn(bool on);

#endif
