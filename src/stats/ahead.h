/* SPDX-License-Identifier: MIT
 * Reads the headers of the next blocks before a walk comes to them, in several places at a time.
 * Who goes from header to header waits for the memory at each, and headers that lie apart are
 * seldom in the processor's caches: so eight of these waits are one. */
#ifndef BRKMALLOC_STATS_AHEAD_H
#define BRKMALLOC_STATS_AHEAD_H

#include "base/base.h"
#include "heap/walk.h"

/* Reads those of the `bytes` behind the block that `walk` is at, which is none of those that a
 * region ends with. The heap is locked. */
void brkm__read_ahead(const struct walk *walk, size_t bytes);

#endif
