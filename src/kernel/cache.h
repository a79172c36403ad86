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

/* What cache_give does where the magazine has no room, or the cache has none. */
BRKM_NOINLINE void brkm__cache_give_slow(struct slab *slab, void *object, uint8_t *state,
                                         const char *caller);

/* Verifies and takes back. */
static BRKM_ALWAYS_INLINE void cache_give(struct slab *slab, void *object, const char *caller)
{
    uint8_t *state = slab_state_of(slab, object);
    if (unlikely(state == NULL || relaxed_load(*state) != OBJECT_IN_USE)) {
        brkm__cache_reject(slab, object, caller);
    }
    if (unlikely(!slab_push(slab->cache->number, object, state))) {
        brkm__cache_give_slow(slab, object, state, caller);
    }
}

/* Calls `visit` for each cache, the registry's lock held. */
void brkm__caches_visit(void (*visit)(struct brkm_kmem_cache *cache, void *context), void *context);

/* For fork. */
void brkm__caches_lock_all(void);
void brkm__caches_open_all(void);

/* Gives empty slabs of all caches back. Waits. */
void brkm__caches_return_empty(void);

#endif
