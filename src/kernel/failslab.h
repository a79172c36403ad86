/* SPDX-License-Identifier: MIT
 * Requests that fail on purpose, for tests of code under failure (brkm_failslab_set). */
#ifndef BRKMALLOC_KERNEL_FAILSLAB_H
#define BRKMALLOC_KERNEL_FAILSLAB_H

#include "kernel/cache.h"
#include "kernel/gfp.h"

static inline bool failslab_is_on(void)
{
    return (relaxed_load(brkm__caches_watched) & CACHE_WATCH_FAILSLAB) != 0;
}

/* True when this request is to fail. `cache` is the cache's name, NULL where there is none. Never
 * waits: while somebody else is deciding, the request is spared unless it may wait. */
bool brkm__failslab_wants(const char *cache, size_t size, brkm_gfp_t flags);

/* For fork. */
void brkm__failslab_lock(void);
void brkm__failslab_open(void);

#endif
