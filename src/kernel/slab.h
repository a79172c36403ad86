/* SPDX-License-Identifier: MIT
 * Slab caches (Bonwick, "The Slab Allocator", 1994): objects of one size in slabs of pages from the
 * buddies, no header before any of them.
 *
 *   slab:    | object 0 | object 1 | ... | object n-1 | rest |      whole pages, aligned
 *   record:  cache, first object, one state per object              elsewhere, on the heap
 *
 * An object is free in its slab, kept (in a thread's magazine or the reserve), in use, or deferred:
 * freed by somebody who could neither reach a magazine nor wait for the cache's lock. Its slab is
 * then on the cache's list of such, which whoever comes next with the lock works off.
 *
 *   in use -> kept      free: whoever has the object; a second free finds another state
 *   kept   -> in use    allocate: the owner of the magazine
 *   in use -> deferred  free
 *   kept, deferred -> free, free -> kept    under the cache's lock
 *
 * A state is a byte, written in one piece. */
#ifndef BRKMALLOC_KERNEL_SLAB_H
#define BRKMALLOC_KERNEL_SLAB_H

#include "base/base.h"
#include "kernel/gfp.h"
#include "kernel/page_map.h"
#include "kernel/spin.h"
#include "kernel/thread.h"

enum object_state { OBJECT_FREE, OBJECT_KEPT, OBJECT_IN_USE, OBJECT_DEFERRED };

struct slab {
    struct brkm_kmem_cache *cache;
    uintptr_t first; /* object */
    struct brkm_page *page;
    /* Under the cache's lock. */
    struct slab *next;
    struct slab *previous;
    uint32_t free; /* objects in state OBJECT_FREE */
    uint32_t hint; /* no object before it is free */
    /* 1 while the slab is on the list of those with deferred objects: acq_rel, and the link is
     * written by who set it. */
    uint32_t is_deferred;
    struct slab *next_deferred;
    uint8_t states[];
};

struct slab_list {
    struct slab *first;
    size_t count; /* read without the lock too, relaxed, where a bound is looked at */
};

struct brkm_kmem_cache {
    uint64_t magic;       /* CACHE_MAGIC, or what a destroyed one has */
    unsigned number;      /* of its magazines, or MAGAZINE_NONE */
    unsigned object_size; /* bytes as they were given to create */
    unsigned stride;      /* bytes from one object to the next */
    unsigned front;       /* bytes of red zone before each object */
    uint32_t reciprocal;  /* 2^32 / stride, rounded up; 0 for one object per slab */
    unsigned objects;     /* per slab */
    unsigned order;       /* of a slab's pages */
    unsigned capacity;    /* of a thread's magazine */
    unsigned flags;
    void (*ctor)(void *object);
    char *name;
    struct spin lock;
    /* Under the lock. */
    struct slab_list partial;
    struct slab_list full;
    struct slab_list empty;
    uint64_t slabs_made;
    /* Slabs with deferred objects: pushed by compare-and-exchange, taken as a whole under the lock.
     */
    struct slab *deferred;
    /* How many are about to push one: none of the cache's slabs goes meanwhile. */
    uint32_t deferring;
    struct brkm_kmem_cache *next; /* of all, under the lock of cache.c */
};

#define CACHE_MAGIC UINT64_C(0x6b6d656d5f636163)

/* The largest object that shares a slab with others, in bytes, and the largest slab that has more
 * than one: the product is what `reciprocal` is exact for. */
#define SLAB_SHARED_MAX (16u * 1024)
#define SLAB_BYTES_MAX (128u * 1024)

_Static_assert((uint64_t)SLAB_SHARED_MAX *SLAB_BYTES_MAX < UINT64_C(1) << 32,
               "the rounded reciprocal gives the exact quotient");
_Static_assert((UINT64_C(1) << 32) / SLAB_SHARED_MAX > SLAB_BYTES_MAX,
               "what remains shows below the quotient");

/* Fills in all that follows from object_size, front, stride, flags and the largest alignment. */
void brkm__slab_lay_out(struct brkm_kmem_cache *cache, unsigned align);

/* An object, in use; NULL when there is none. Never waits without flags that say so. */
void *brkm__slab_allocate(struct brkm_kmem_cache *cache, brkm_gfp_t flags);

/* The object's state; NULL where `object` is not the start of one of the slab's. */
static BRKM_ALWAYS_INLINE uint8_t *slab_state_of(struct slab *slab, const void *object)
{
    const struct brkm_kmem_cache *cache = slab->cache;
    uintptr_t offset = (uintptr_t)object - slab->first;
    uint64_t product = offset * cache->reciprocal;
    /* What lies below the quotient is less than the slab's size where nothing remains, and at least
     * the reciprocal elsewhere. */
    bool is_start = (uint32_t)product < SLAB_BYTES_MAX && product >> 32 < cache->objects;
    return likely(is_start) ? &slab->states[product >> 32] : NULL;
}

/* Takes back an object in use. */
void brkm__slab_free(struct slab *slab, void *object, uint8_t *state);

/* Objects of a magazine go back to their slabs, `keep` stay. False: the lock was taken and the
 * caller must not wait. */
bool brkm__slab_flush(struct brkm_kmem_cache *cache, struct magazine *magazine, unsigned keep,
                      bool may_wait);

/* Gives empty slabs but `keep` back to the pages. Waits. Returns how many. */
size_t brkm__slab_return_empty(struct brkm_kmem_cache *cache, size_t keep);

/* Objects that threads kept are free: nobody has them any more. Waits. */
void brkm__slab_free_kept(struct brkm_kmem_cache *cache);

struct slab_totals {
    size_t objects; /* that there is room for */
    size_t in_use;
    size_t slabs;
    size_t slabs_in_use; /* with objects in use */
};

/* Waits. */
struct slab_totals brkm__slab_count(struct brkm_kmem_cache *cache);

/* ---- The fast paths ---- */

/* An object out of the thread's magazine; NULL on a miss. */
static BRKM_ALWAYS_INLINE void *slab_pop(unsigned number)
{
    struct kernel_thread *thread = brkm__kernel_thread;
    struct magazine_entry entry = {0};
    if (unlikely(!magazines_enter(thread))) {
        return NULL;
    }
    if (likely(magazine_pop(thread->magazines[number], &entry))) {
        relaxed_store(*entry.state, OBJECT_IN_USE);
    }
    magazines_leave(thread);
    return entry.object;
}

/* Puts an object in use into the thread's magazine; false when there is no room. */
static BRKM_ALWAYS_INLINE bool slab_push(unsigned number, void *object, uint8_t *state)
{
    struct kernel_thread *thread = brkm__kernel_thread;
    if (unlikely(!magazines_enter(thread))) {
        return false;
    }
    bool pushed = magazine_push(thread->magazines[number], (struct magazine_entry){object, state});
    if (likely(pushed)) {
        relaxed_store(*state, OBJECT_KEPT);
    }
    magazines_leave(thread);
    return pushed;
}

#endif
