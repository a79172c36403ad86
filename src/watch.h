/* SPDX-License-Identifier: MIT
 * Layer 14: malloc and free where each call is to be seen: the hardened mode.
 *
 * While any option of it is on, malloc's fast path always misses (brkm__cache_watch_malloc), and
 * what it hands out is a watched block, which free's fast path does not take. The blocks come from
 * the same caches and heap as all others. */
#ifndef BRKMALLOC_WATCH_H
#define BRKMALLOC_WATCH_H

#include "base.h"
#include "serve.h"

/* Written once, by the constructor before it lets malloc miss; relaxed_load. */
extern bool brkm__watching BRKM_HIDDEN;

static inline bool watch_is_on(void)
{
    return relaxed_load(brkm__watching);
}

/* Puts the options into force. Called by the constructor. */
void brkm__watch_apply(void);

/* serve and serve_aligned; `room` bytes, at least `size`, are what the block may grow to. */
struct allocated brkm__watch_serve(size_t size, size_t room, size_t alignment);

/* take_back, for watched blocks and others. */
void brkm__watch_take_back(void *memory, struct held held, const char *caller);

/* True for a block that is not to be resized as others are. */
bool brkm__watch_has(struct held held);

/* Gives a watched block another size where it stands; false when it has no room. */
bool brkm__watch_resize(void *memory, struct held held, size_t size);

/* Gives back what is kept from being used again. True when there was something. */
bool brkm__watch_drain(void);

/* Verifies every block, in use and kept. Called at exit. */
void brkm__watch_check_all(void);

#endif
