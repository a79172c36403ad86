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

/* In a pool `lock` guards `least`, `count` and `elements`, which has `least` places. The functions
 * and `data` are constant. */
static struct spin *lock_of(struct brkm_mempool *pool)
{
    return (struct spin *)(void *)&pool->lock;
}

_Static_assert(sizeof(struct spin) == sizeof(unsigned), "the lock's place in the public structure");

static void *take(struct brkm_mempool *pool, bool may_wait)
{
    void *element = NULL;
    if (spin_take(lock_of(pool), may_wait)) {
        if (pool->count > 0) {
            element = pool->elements[--pool->count];
        }
        spin_release(lock_of(pool));
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
    if (spin_try(lock_of(pool))) {
        kept = pool->count < pool->least;
        if (kept) {
            pool->elements[pool->count++] = element;
        }
        spin_release(lock_of(pool));
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

BRKM_ENTRY int brkm_mempool_init(struct brkm_mempool *pool, int least, brkm_mempool_alloc_fn *alloc,
                                 brkm_mempool_free_fn *free, void *data)
{
    *pool = (struct brkm_mempool){.alloc = alloc, .free = free, .data = data};
    if (least < 1) {
        return -EINVAL;
    }
    pool->elements = brkm_calloc((size_t)least, sizeof(void *));
    pool->least = pool->elements != NULL ? least : 0;
    if (pool->elements == NULL || !fill(pool)) {
        brkm_mempool_exit(pool);
        return -ENOMEM;
    }
    return 0;
}

BRKM_ENTRY bool brkm_mempool_is_initialized(const struct brkm_mempool *pool)
{
    return pool->elements != NULL;
}

BRKM_ENTRY struct brkm_mempool *brkm_mempool_create(int least, brkm_mempool_alloc_fn *alloc,
                                                    brkm_mempool_free_fn *free, void *data)
{
    struct brkm_mempool *pool = brkm_calloc(1, sizeof(*pool));
    int failed = pool == NULL ? -ENOMEM : brkm_mempool_init(pool, least, alloc, free, data);
    if (failed != 0) {
        brkm_free(pool);
        errno = -failed;
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
    spin_acquire(lock_of(pool));
    void **old = pool->elements;
    int kept = pool->count < least ? pool->count : least;
    for (int i = 0; i < kept; i++) {
        elements[i] = old[i];
    }
    pool->elements = elements;
    pool->least = least;
    pool->count = kept;
    spin_release(lock_of(pool));
    brkm_free(old);
    return fill(pool) ? 0 : -1;
}

BRKM_ENTRY void brkm_mempool_exit(struct brkm_mempool *pool)
{
    for (int i = 0; i < pool->count; i++) {
        pool->free(pool->elements[i], pool->data);
    }
    brkm_free(pool->elements);
    *pool = (struct brkm_mempool){0};
}

BRKM_ENTRY void brkm_mempool_destroy(struct brkm_mempool *pool)
{
    if (pool != NULL) {
        brkm_mempool_exit(pool);
        brkm_free(pool);
    }
}

/* ---- Pools of kmalloc's objects, of a cache's and of pages ---- */

static void *alloc_pages(brkm_gfp_t flags, void *data)
{
    return brkm_alloc_pages(flags, (unsigned)(uintptr_t)data);
}

static void free_pages(void *element, void *data)
{
    brkm_free_page_block(element, (unsigned)(uintptr_t)data);
}

BRKM_ENTRY struct brkm_mempool *brkm_mempool_create_page_pool(int least, unsigned order)
{
    return brkm_mempool_create(least, alloc_pages, free_pages, (void *)(uintptr_t)order);
}

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
