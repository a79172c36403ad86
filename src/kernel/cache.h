/* SPDX-License-Identifier: MIT
 * Slab caches by name: create, find, merge, destroy; taking and giving an object with all checks.
 */
#ifndef BRKMALLOC_KERNEL_CACHE_H
#define BRKMALLOC_KERNEL_CACHE_H

#include "kernel/debug.h"
#include "kernel/slab.h"
#include "kit/report.h"

/* A cache of the library's own, with the number of its magazines. Waits. NULL: memory is short. */
struct brkm_kmem_cache *brkm__cache_make(const char *name, unsigned size, unsigned align,
                                         unsigned flags);

/* An object of a cache, cleared when the flags say so; retries, shrinkers and failures on purpose
 * included. The flags are checked. */
void *brkm__cache_allocate(struct brkm_kmem_cache *cache, brkm_gfp_t flags, const char *caller);

/* The slab that the address lies in; NULL where it lies in none. */
static inline struct slab *slab_around(const void *object)
{
    struct brkm_page *page = page_of(object);
    bool is_slab =
        likely(page != NULL) && __atomic_load_n(&page->kind, __ATOMIC_ACQUIRE) == PAGE_SLAB;
    return likely(is_slab) ? page->u.slab : NULL;
}

/* Ends the program: `object`, of the slab or none, is not in use. */
_Noreturn BRKM_COLD void brkm__cache_reject(const struct slab *slab, const void *object,
                                            const char *caller);

/* Takes back an object of the slab, after all checks. */
void brkm__cache_give(struct slab *slab, void *object, const char *caller);

/* Who wants each allocation to come by the slow path. */
enum cache_watch { CACHE_WATCH_FAILSLAB = 1, CACHE_WATCH_RECORDER = 2 };

/* Bits of enum cache_watch. Written under the registry's lock, read relaxed by every request but
 * those that a magazine serves, which a change concerns a little later. */
extern unsigned brkm__caches_watched BRKM_HIDDEN;

/* Waits. */
void brkm__caches_watch(enum cache_watch who, bool on);

/* Calls `visit` for each cache, the registry's lock held. */
void brkm__caches_visit(void (*visit)(struct brkm_kmem_cache *cache, void *context), void *context);

/* For fork. */
void brkm__caches_lock_all(void);
void brkm__caches_open_all(void);

/* Gives empty slabs of all caches back. Waits. */
void brkm__caches_return_empty(void);

#endif
