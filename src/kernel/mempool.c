/* SPDX-License-Identifier: MIT
 * Memory pools: a number of elements is always there. */
#include <errno.h>

#include "brkmalloc/kernel.h"
#include "kernel/cache.h"
#include "kernel/gfp.h"
#include "kernel/spin.h"
#include "kit/report.h"
#include "malloc/malloc.h"
#include "system/os_thread.h"

/* Milliseconds that who waits for an element sleeps before it looks again, also if nobody wakes it:
 * elements may come back by `alloc` as well. */
#define WAIT 5u

struct brkm_mempool {
    struct spin lock;
    /* Written under the lock. */
    int least;
    int count;       /* elements that the pool keeps */
    void **elements; /* `least` places */
    /* Constant. */
    brkm_mempool_alloc_fn *alloc;
    brkm_mempool_free_fn *free;
    void *data;
};

static void *take(struct brkm_mempool *pool, bool may_wait)
{
    void *element = NULL;
    if (spin_take(&pool->lock, may_wait)) {
        if (pool->count > 0) {
            element = pool->elements[--pool->count];
        }
        spin_release(&pool->lock);
    }
    return element;
}

/* False when the pool has all that it needs, or its lock is taken: then somebody else puts its
 * elements back. */
static bool keep(struct brkm_mempool *pool, void *element)
{
    bool kept = false;
    if (__atomic_load_n(&pool->count, __ATOMIC_RELAXED) >=
        __atomic_load_n(&pool->least, __ATOMIC_RELAXED)) {
        return false;
    }
    if (spin_try(&pool->lock)) {
        kept = pool->count < pool->least;
        if (kept) {
            pool->elements[pool->count++] = element;
        }
        spin_release(&pool->lock);
    }
    return kept;
}

static bool fill(struct brkm_mempool *pool)
{
    while (pool->count < pool->least) {
        void *element = pool->alloc(BRKM_GFP_KERNEL, pool->data);
        if (element == NULL) {
            return false;
        }
        if (!keep(pool, element)) {
            pool->free(element, pool->data);
        }
    }
    return true;
}

BRKM_ENTRY struct brkm_mempool *brkm_mempool_create(int least, brkm_mempool_alloc_fn *alloc,
                                                    brkm_mempool_free_fn *free, void *data)
{
    if (least < 1) {
        errno = EINVAL;
        return NULL;
    }
    struct brkm_mempool *pool = brkm_calloc(1, sizeof(*pool));
    void **elements = pool == NULL ? NULL : brkm_calloc((size_t)least, sizeof(void *));
    if (elements == NULL) {
        brkm_free(pool);
        return NULL;
    }
    *pool = (struct brkm_mempool){
        .least = least, .elements = elements, .alloc = alloc, .free = free, .data = data};
    if (!fill(pool)) {
        brkm_mempool_destroy(pool);
        errno = ENOMEM;
        return NULL;
    }
    return pool;
}

BRKM_ENTRY void *brkm_mempool_alloc(struct brkm_mempool *pool, brkm_gfp_t flags)
{
    bool may_wait = gfp_may_wait(flags);
    brkm_gfp_t first = (flags | BRKM_GFP_NORETRY | BRKM_GFP_NOWARN) & ~BRKM_GFP_NOFAIL;
    for (;;) {
        void *element = pool->alloc(first, pool->data);
        element = element != NULL ? element : take(pool, may_wait);
        if (element != NULL || !may_wait) {
            return element;
        }
        uint32_t word = 0;
        brkm__os_wait_at_most(&word, 0, WAIT);
    }
}

BRKM_ENTRY void brkm_mempool_free(void *element, struct brkm_mempool *pool)
{
    if (element != NULL && !keep(pool, element)) {
        pool->free(element, pool->data);
    }
}

BRKM_ENTRY int brkm_mempool_resize(struct brkm_mempool *pool, int least)
{
    if (least < 1) {
        errno = EINVAL;
        return -1;
    }
    void **elements = brkm_calloc((size_t)least, sizeof(void *));
    if (elements == NULL) {
        return -1;
    }
    while (__atomic_load_n(&pool->count, __ATOMIC_RELAXED) > least) {
        void *element = take(pool, true);
        if (element != NULL) {
            pool->free(element, pool->data);
        }
    }
    spin_acquire(&pool->lock);
    void **old = pool->elements;
    int kept = pool->count < least ? pool->count : least;
    for (int i = 0; i < kept; i++) {
        elements[i] = old[i];
    }
    pool->elements = elements;
    pool->least = least;
    pool->count = kept;
    spin_release(&pool->lock);
    brkm_free(old);
    return fill(pool) ? 0 : -1;
}

BRKM_ENTRY void brkm_mempool_destroy(struct brkm_mempool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (int i = 0; i < pool->count; i++) {
        pool->free(pool->elements[i], pool->data);
    }
    brkm_free(pool->elements);
    brkm_free(pool);
}

/* ---- Pools of kmalloc's objects and of a cache's ---- */

static void *alloc_kmalloc(brkm_gfp_t flags, void *data)
{
    return brkm_kmalloc((size_t)(uintptr_t)data, flags);
}

static void free_kmalloc(void *element, void *data)
{
    (void)data;
    brkm_kfree(element);
}

static void *alloc_object(brkm_gfp_t flags, void *data)
{
    return brkm_kmem_cache_alloc(data, flags);
}

static void free_object(void *element, void *data)
{
    brkm_kmem_cache_free(data, element);
}

BRKM_ENTRY struct brkm_mempool *brkm_mempool_create_kmalloc_pool(int least, size_t size)
{
    return brkm_mempool_create(least, alloc_kmalloc, free_kmalloc, (void *)(uintptr_t)size);
}

BRKM_ENTRY struct brkm_mempool *brkm_mempool_create_slab_pool(int least,
                                                              struct brkm_kmem_cache *cache)
{
    return brkm_mempool_create(least, alloc_object, free_object, cache);
}
