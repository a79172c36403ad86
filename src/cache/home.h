/* SPDX-License-Identifier: MIT
 * The heap that a thread takes its blocks from: at first the main heap; once it has met others at
 * the lock often enough, a side heap with fewer threads, from whose chunks nobody else cuts blocks
 * unless threads are more than heaps. */
#ifndef BRKMALLOC_CACHE_HOME_H
#define BRKMALLOC_CACHE_HOME_H

#include "heap/heaps.h"

struct thread_cache;

/* The calling thread's, for a block of `size` bytes. Large ones come from the main heap, up to
 * BRKM_SIDE_BLOCK_MAX until the thread found its lock awaited too often. */
struct heap *brkm__home(size_t size);

/* Looks how many processors there are, at the start of the process: later a sandbox may forbid it.
 */
void brkm__homes_begin(void);

/* A cache begins or ends; in the child of a fork, that of the one thread there is, or NULL. */
void brkm__home_enter(struct thread_cache *cache);
void brkm__home_leave(struct thread_cache *cache);
void brkm__homes_reset(struct thread_cache *own);

#endif
