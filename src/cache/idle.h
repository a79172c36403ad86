/* SPDX-License-Identifier: MIT
 * How much memory may lie idle outside of the heap, ready for the next malloc: a share
 * of what the heap has handed out, which is larger for small heaps, and at least a constant for
 * each thread, up to a bound. Thread caches have most of it, the depot the rest; neither can starve
 * the other. */
#ifndef BRKMALLOC_CACHE_IDLE_H
#define BRKMALLOC_CACHE_IDLE_H

#include "base/base.h"

enum idle_use { IDLE_IN_CACHES, IDLE_IN_DEPOT };

/* Bytes that may be reserved at the moment. */
size_t brkm__idle_bound(enum idle_use use);

/* Reserves `bytes`; false when that would be past the bound. Threads that ask at the same time may
 * exceed it by what they ask for, and those of each heap by four batches. `heap` is the number of
 * the one whose threads do most of this with what they reserve. */
bool brkm__idle_reserve(enum idle_use use, unsigned heap, size_t bytes);

/* Reserves past the bound: the least that every thread's cache has. */
void brkm__idle_reserve_always(enum idle_use use, unsigned heap, size_t bytes);

void brkm__idle_release(enum idle_use use, unsigned heap, size_t bytes);

/* In the child of a fork: all but `bytes` went with the other threads. */
void brkm__idle_reset(enum idle_use use, size_t bytes);

#endif
