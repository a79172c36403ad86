/* SPDX-License-Identifier: MIT
 * Slab caches (Bonwick, "The Slab Allocator", 1994): objects of one size in slabs of pages from the
 * buddies, no header before any of them.
 *
 *   slab:    | colour | object 0 | object 1 | ... | object n-1 | rest |      whole pages, aligned
 *   record:  cache, first object                                    elsewhere, for good
 *   states:  one byte per object, and one for the rest              elsewhere, on the heap
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
 *   in use -> noted, noted -> in use or ended    see note.h
 *
 * A state is a byte, written in one piece.
 *
 * The colour is some of the bytes that are left over: each slab gets another, so that the first
 * lines of the objects do not all fall into the same few sets of a processor's cache.
 *
 * Who frees an object guesses its slab by a few bits of the address (slab_guess), and looks whether
 * it lies there. So records are used for nothing else, ever; one without pages says so in `first`.
 * An object in use keeps its slab, so a guess that fits is right whatever happens at the same time.
 */
#ifndef BRKMALLOC_KERNEL_SLAB_H
#define BRKMALLOC_KERNEL_SLAB_H

#include "base/base.h"
#include "kernel/gfp.h"
#include "kernel/page_map.h"
#include "kernel/spin.h"
#include "kernel/thread.h"

enum object_state {
    OBJECT_FREE,
    OBJECT_KEPT,
    OBJECT_IN_USE,
    OBJECT_DEFERRED,
    OBJECT_NOTED, /* in use, and the recorder wants to know of its end (note.h), */
    OBJECT_ENDED, /* of which it has not heard yet; deferred otherwise */
};

/* Where no object lies: SLAB_NOWHERE and what follows wrap around to no address of a program. */
#define SLAB_NOWHERE ((uintptr_t)1 << (8 * sizeof(uintptr_t) - 1))

/* Bytes of a slab of small objects: the record of a slab and the states of its objects are then 2 %
 * of it for objects of 64 bytes. Its pages are resident once they are used. No slab is smaller. */
#define SLAB_SHIFT 15u
#define SLAB_BYTES (1u << SLAB_SHIFT)

struct slab {
    /* Constant while the record has pages; `first` is written last, and first when they go. */
    uintptr_t first;     /* object; relaxed */
    uint64_t reciprocal; /* of the cache, below 2^32; relaxed */
    uint32_t magazine;   /* of the cache */
    uint8_t *states;
    struct brkm_kmem_cache *cache;
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
};

struct slab_list {
    struct slab *first;
    size_t count; /* read without the lock too, relaxed, where a bound is looked at */
};

struct brkm_kmem_cache {
    uint32_t magic; /* CACHE_MAGIC, or what a destroyed one has */
    /* The magazine that allocations look into at once: `magazine`, or MAGAZINE_NONE where each is
     * to come by the slow path. Written under the registry's lock, read relaxed. */
    uint32_t quick_magazine;
    uint32_t magazine;    /* number of its magazines, or MAGAZINE_NONE */
    unsigned object_size; /* bytes as they were given to create */
    unsigned stride;      /* bytes from one object to the next */
    unsigned front;       /* bytes of red zone before each object */
    uint32_t reciprocal;  /* 2^32 / stride, rounded up; SINGLE_RECIPROCAL for one object per slab */
    unsigned objects;     /* per slab */
    unsigned order;       /* of a slab's pages */
    unsigned colours;     /* at least 1: how many starts of the first object there are */
    unsigned colour_step; /* bytes from one to the next */
    unsigned next_colour; /* any number; relaxed */
    unsigned capacity;    /* of a thread's magazine */
    unsigned flags;
    void (*ctor)(void *object);
    char *name;
    struct spin lock;
    /* Under the lock. */
    struct slab_list partial;
    struct slab_list full;
    struct slab_list empty;
    /* Written under the lock; read without, relaxed, for figures. */
    size_t slabs;
    size_t free_objects; /* of all of them, those in state OBJECT_FREE */
    /* Slabs with deferred objects: pushed by compare-and-exchange, taken as a whole under the lock.
     */
    struct slab *deferred;
    /* How many are about to push one: none of the cache's slabs goes meanwhile. */
    uint32_t deferring;
    struct brkm_kmem_cache *next; /* of all, under the lock of cache.c */
};

#define CACHE_MAGIC 0x6b6d656du

/* The largest object that shares a slab with others, in bytes, and the largest slab that has more
 * than one: the product is what `reciprocal` is exact for. */
#define SLAB_SHARED_MAX (16u * 1024)
#define SLAB_BYTES_MAX (128u * 1024)

_Static_assert((uint64_t)SLAB_SHARED_MAX *SLAB_BYTES_MAX < UINT64_C(1) << 32,
               "the rounded reciprocal gives the exact quotient");
_Static_assert((UINT64_C(1) << 32) / SLAB_SHARED_MAX > SLAB_BYTES_MAX,
               "what remains shows below the quotient");

/* Any offset but 0 times this one leaves much below the quotient. */
#define SINGLE_RECIPROCAL UINT32_MAX

/* Fills in all that follows from object_size, front, stride, flags and the largest alignment. */
void brkm__slab_lay_out(struct brkm_kmem_cache *cache, unsigned align);

/* For fork. */
void brkm__slab_records_lock(void);
void brkm__slab_records_open(void);

/* An object, in use; NULL when there is none. Never waits without flags that say so. */
void *brkm__slab_allocate(struct brkm_kmem_cache *cache, brkm_gfp_t flags);

#define SLAB_NO_PLACE UINT64_MAX

/* The number of the object that begins there; SLAB_NO_PLACE where none does in the first `bytes` of
 * the slab. The rest behind the last object has a number and a state, too, which is never "in use".
 */
static BRKM_ALWAYS_INLINE uint64_t slab_place_of(const struct slab *slab, const void *object,
                                                 size_t bytes)
{
    uintptr_t offset = (uintptr_t)object - relaxed_load(slab->first);
    uint64_t product = (uint64_t)offset * relaxed_load(slab->reciprocal);
    /* What lies below the quotient is less than the slab's size where nothing remains, and at least
     * the reciprocal elsewhere. */
    bool is_start = offset < bytes && (uint32_t)product < SLAB_BYTES_MAX;
    return likely(is_start) ? product >> 32 : SLAB_NO_PLACE;
}

static inline uint8_t *slab_state_of(const struct slab *slab, const void *object)
{
    uint64_t at = slab_place_of(slab, object, SLAB_BYTES_MAX);
    return at != SLAB_NO_PLACE ? &slab->states[at] : NULL;
}

/* ---- Guesses ---- */

static BRKM_ALWAYS_INLINE struct slab **slab_guess(struct kernel_thread *thread, const void *object)
{
    return &thread->guesses[((uintptr_t)object >> SLAB_SHIFT) % THREAD_GUESSES];
}

/* The object's slab was found: the next object there finds it at once. */
static inline void slab_remember(struct slab *slab, const void *object)
{
    struct kernel_thread *thread = brkm__kernel_thread;
    if (thread != &brkm__kernel_nobody) {
        *slab_guess(thread, object) = slab;
    }
}

/* Leaves an object to whoever comes next with the lock, in state OBJECT_DEFERRED or OBJECT_ENDED.
 */
void brkm__slab_defer(struct slab *slab, uint8_t *state, enum object_state as);

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

/* Its cache and the states of its objects lie in the heap, where programs may write over them. */
enum slab_look { SLAB_SEEN, SLAB_GONE, SLAB_DAMAGED };

/* Where a slab begins, calls `see` for its objects, one by one, and for what is left of its pages
 * in front and behind, with a lock held: in the order of their addresses, `bytes` in all. Nothing
 * is seen where no slab begins there any more, or what its cache says cannot be true. */
enum slab_look brkm__slab_look(const struct brkm_page *page,
                               void (*see)(void *context, enum object_state state, size_t bytes,
                                           bool is_rest),
                               void *context, size_t *bytes);

/* Calls `visit` for each object in use, the cache's lock held. Waits. */
void brkm__slab_visit_in_use(struct brkm_kmem_cache *cache,
                             void (*visit)(void *object, uint8_t state, void *context),
                             void *context);

static inline bool object_state_is_in_use(uint8_t state)
{
    return state == OBJECT_IN_USE || state == OBJECT_NOTED;
}

struct slab_totals {
    size_t objects; /* that there is room for */
    size_t in_use;
    size_t slabs;
    size_t slabs_in_use; /* with objects in use */
};

/* Waits. */
struct slab_totals brkm__slab_count(struct brkm_kmem_cache *cache);

/* ---- The fast paths ---- */

/* An object out of the thread's magazine of that number; false on a miss. */
static BRKM_ALWAYS_INLINE bool slab_pop(unsigned magazine, struct magazine_entry *entry)
{
    return likely(magazine_pop(brkm__kernel_thread->magazines[magazine], OBJECT_IN_USE, entry));
}

/* Puts an object in use into the thread's magazine; false when there is no room. */
static BRKM_ALWAYS_INLINE bool slab_push(struct kernel_thread *thread, unsigned magazine,
                                         void *object, uint8_t *state)
{
    return magazine_push(thread->magazines[magazine], OBJECT_KEPT,
                         (struct magazine_entry){object, state});
}

/* Takes back an object, of any cache or of `cache`, if it is in use in the slab that is guessed and
 * there is room in the magazine. False otherwise, and nothing happened. */
static BRKM_ALWAYS_INLINE bool slab_give_quickly(void *object, bool of_any,
                                                 const struct brkm_kmem_cache *cache)
{
    struct kernel_thread *thread = brkm__kernel_thread;
    struct slab *slab = *slab_guess(thread, object);
    uint64_t at = slab_place_of(slab, object, SLAB_BYTES);
    return likely(at != SLAB_NO_PLACE && slab->states[at] == OBJECT_IN_USE) &&
           likely(of_any || slab->cache == cache) &&
           slab_push(thread, slab->magazine, object, &slab->states[at]);
}

#endif
