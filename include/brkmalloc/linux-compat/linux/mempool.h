/* SPDX-License-Identifier: MIT
 * Memory pools by the kernel's names. */
#ifndef BRKMALLOC_LINUX_MEMPOOL_H
#define BRKMALLOC_LINUX_MEMPOOL_H

#include <linux/slab.h>

typedef struct brkm_mempool mempool_t;
typedef brkm_mempool_alloc_fn mempool_alloc_t;
typedef brkm_mempool_free_fn mempool_free_t;

#define mempool_create(least, alloc, free, data) \
    brkm_mempool_create((least), (alloc), (free), (data))
#define mempool_create_kmalloc_pool(least, size) brkm_mempool_create_kmalloc_pool((least), (size))
#define mempool_create_slab_pool(least, cache) brkm_mempool_create_slab_pool((least), (cache))
#define mempool_create_page_pool(least, order) brkm_mempool_create_page_pool((least), (order))
#define mempool_init(pool, least, alloc, free, data) \
    brkm_mempool_init((pool), (least), (alloc), (free), (data))
#define mempool_init_kmalloc_pool(pool, least, size) \
    brkm_mempool_init((pool), (least), mempool_kmalloc, mempool_kfree, (void *)(uintptr_t)(size))
#define mempool_init_slab_pool(pool, least, cache) \
    brkm_mempool_init((pool), (least), mempool_alloc_slab, mempool_free_slab, (cache))
#define mempool_init_page_pool(pool, least, order)                              \
    brkm_mempool_init((pool), (least), mempool_alloc_pages, mempool_free_pages, \
                      (void *)(uintptr_t)(order))
#define mempool_exit(pool) brkm_mempool_exit(pool)
#define mempool_initialized(pool) brkm_mempool_is_initialized(pool)
#define mempool_alloc(pool, flags) brkm_mempool_alloc((pool), (flags))
#define mempool_free(element, pool) brkm_mempool_free((element), (pool))
#define mempool_resize(pool, least) brkm_mempool_resize((pool), (least))
#define mempool_destroy(pool) brkm_mempool_destroy(pool)

static inline void *mempool_alloc_slab(gfp_t flags, void *cache)
{
    return brkm_kmem_cache_alloc((struct brkm_kmem_cache *)cache, flags);
}
static inline void mempool_free_slab(void *element, void *cache)
{
    brkm_kmem_cache_free((struct brkm_kmem_cache *)cache, element);
}
static inline void *mempool_kmalloc(gfp_t flags, void *size)
{
    return brkm_kmalloc((size_t)(uintptr_t)size, flags);
}
static inline void mempool_kfree(void *element, void *size)
{
    (void)size;
    brkm_kfree(element);
}
static inline void *mempool_alloc_pages(gfp_t flags, void *order)
{
    return brkm_alloc_pages(flags, (unsigned)(uintptr_t)order);
}
static inline void mempool_free_pages(void *page, void *order)
{
    brkm_free_page_block((struct brkm_page *)page, (unsigned)(uintptr_t)order);
}

#endif
