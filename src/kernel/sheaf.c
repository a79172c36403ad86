/* SPDX-License-Identifier: MIT
 * Sheaves: objects of a cache that somebody sets aside. They are the caller's alone, so an array is
 * enough; in their slabs they are in use. */
#include <errno.h>
#include <string.h>

#include "kernel/slab.h"
#include "malloc/malloc.h"

struct brkm_slab_sheaf {
    struct brkm_kmem_cache *cache;
    unsigned count;
    unsigned room;
    void *objects[];
};

static struct brkm_slab_sheaf *make(struct brkm_kmem_cache *cache, brkm_gfp_t flags, unsigned room)
{
    size_t bytes = sizeof(struct brkm_slab_sheaf) + room * sizeof(void *);
    struct brkm_slab_sheaf *sheaf = brkm_kmalloc(bytes, flags & ~BRKM_GFP_ZERO);
    if (sheaf != NULL) {
        *sheaf = (struct brkm_slab_sheaf){.cache = cache, .room = room};
    }
    return sheaf;
}

/* All that are missing, or none. */
static bool fill(struct brkm_slab_sheaf *sheaf, brkm_gfp_t flags, unsigned count)
{
    unsigned missing = count > sheaf->count ? count - sheaf->count : 0;
    if (missing != 0 && brkm_kmem_cache_alloc_bulk(sheaf->cache, flags & ~BRKM_GFP_ZERO, missing,
                                                   sheaf->objects + sheaf->count) == 0) {
        return false;
    }
    sheaf->count += missing;
    return true;
}

BRKM_ENTRY struct brkm_slab_sheaf *brkm_kmem_cache_prefill_sheaf(struct brkm_kmem_cache *cache,
                                                                 brkm_gfp_t flags, unsigned count)
{
    struct brkm_slab_sheaf *sheaf = make(cache, flags, count);
    if (sheaf != NULL && !fill(sheaf, flags, count)) {
        brkm_kfree(sheaf);
        return NULL;
    }
    return sheaf;
}

BRKM_ENTRY int brkm_kmem_cache_refill_sheaf(struct brkm_kmem_cache *cache, brkm_gfp_t flags,
                                            struct brkm_slab_sheaf **sheaf, unsigned count)
{
    struct brkm_slab_sheaf *old = *sheaf;
    if (count <= old->room) {
        return fill(old, flags, count) ? 0 : -ENOMEM;
    }
    struct brkm_slab_sheaf *larger = make(cache, flags, count);
    if (larger == NULL) {
        return -ENOMEM;
    }
    larger->count = old->count;
    memcpy(larger->objects, old->objects, old->count * sizeof(void *));
    if (!fill(larger, flags, count)) {
        brkm_kfree(larger);
        return -ENOMEM;
    }
    brkm_kfree(old);
    *sheaf = larger;
    return 0;
}

BRKM_ENTRY void *brkm_kmem_cache_alloc_from_sheaf(struct brkm_kmem_cache *cache, brkm_gfp_t flags,
                                                  struct brkm_slab_sheaf *sheaf)
{
    if (unlikely(sheaf->count == 0)) {
        return NULL;
    }
    void *object = sheaf->objects[--sheaf->count];
    if ((flags & BRKM_GFP_ZERO) != 0) {
        memset(object, 0, cache->object_size);
    }
    return object;
}

BRKM_ENTRY unsigned brkm_kmem_cache_sheaf_size(const struct brkm_slab_sheaf *sheaf)
{
    return sheaf->count;
}

BRKM_ENTRY void brkm_kmem_cache_return_sheaf(struct brkm_kmem_cache *cache, brkm_gfp_t flags,
                                             struct brkm_slab_sheaf *sheaf)
{
    (void)flags;
    brkm_kmem_cache_free_bulk(cache, sheaf->count, sheaf->objects);
    brkm_kfree(sheaf);
}
