/* SPDX-License-Identifier: MIT
 * The thread cache: per thread and cached size a LIFO list of blocks. A hit makes no
 * call, takes no lock and nothing atomic.
 *
 *   malloc: bin->first ---> block ---> block ---> sentinel
 *   free:   room counts down; at 0 the bin is full and a batch goes to the depot
 *
 * The thread-local pointer always leads to a cache that may be read. Before a thread's first miss,
 * and after its last destructor, that is a constant whose bins are empty and have no room, so that
 * the fast path needs no test for it. */
#ifndef BRKMALLOC_CACHE_THREAD_CACHE_H
#define BRKMALLOC_CACHE_THREAD_CACHE_H

#include "base/base.h"
#include "base/config.h"
#include "cache/cache_bin.h"
#include "heap/block.h"
#include "heap/size_class.h"

/* Bytes. The largest request that an exact class serves. */
#define CACHE_HIT_MAX (BRKM_CACHED_EXACT_MAX - BRKM_HEADER_SIZE)

struct heap;

struct thread_cache {
    struct cache_bin bins[SIZE_CLASS_SLOTS];
    size_t budget;           /* bytes that the cache may hold */
    size_t exact_spent;      /* bytes: the capacities of exact slots */
    size_t medium_spent;     /* bytes of blocks in medium slots */
    size_t medium_allowed;   /* bytes that medium_spent may be: follows budget and exact_spent */
    unsigned flushes_in_row; /* since the last refill */
    unsigned visited;        /* slot that was last looked at for being unused */
    unsigned rounds;         /* of thread-specific destructors that have run */
    uint64_t refills;
    uint64_t flushes;
    uint64_t number; /* counted from 1 */
    uint64_t random; /* of random_placement; 0 before the first use */
    /* Where its blocks come from (home.h): NULL in the constant caches alone. */
    struct heap *home;
    uint64_t home_contended; /* times that threads had waited for home's lock at the last look */
    int home_patience;       /* visits to its heap before another home is looked for */
    /* The same for large blocks, which the main heap serves until this is 0. */
    uint64_t large_contended;
    int large_patience;
    void *kept;      /* the keeper's; NULL without, and before it has anything */
    uintptr_t owner; /* pthread_self() of the thread, for debuggers */
    /* List of all caches, or of those of threads that ended, under the registry's lock. */
    struct thread_cache *next;
    struct thread_cache **link;
};

extern _Thread_local struct thread_cache *brkm__thread_cache BRKM_HIDDEN
    __attribute__((tls_model("initial-exec")));

/* Bytes. The requests below it are those for which malloc's fast path looks into the cache. 0 until
 * the constructor ran, since there may be nothing thread-local yet, and while every malloc is to be
 * watched (malloc/watcher.h). relaxed_load: a thread that sees it later is watched later. */
extern size_t brkm__cache_hit_limit BRKM_HIDDEN;

/* Somebody who keeps blocks that were freed, apart from the caches, and has a part of that for each
 * thread: thread_cache.kept leads to it. */
struct cache_keeper {
    /* The thread ends. `*kept` is NULL then, and may have been before. */
    void (*hand_over)(void **kept);
    /* In the child of a fork: the thread that owned it does not exist. NULL does nothing. */
    void (*forget)(void *kept);
    /* Gives blocks that no thread owns to the heap. True when there were any. */
    bool (*drain)(void);
};

/* One that keeps nothing, unless somebody else was set before other threads existed
 * (relaxed_load). */
extern const struct cache_keeper *brkm__cache_keeper BRKM_HIDDEN;

void brkm__cache_kept_by(const struct cache_keeper *keeper);

/* From now on malloc's fast path always misses, or no longer does. */
void brkm__cache_watch_malloc(bool watched);

static inline bool cache_malloc_is_watched(void)
{
    return relaxed_load(brkm__cache_hit_limit) == 0;
}

/* A cache without blocks and without room, never written to: where a thread begins, and where it
 * ends. The second also says that no other cache shall be made. */
extern struct thread_cache brkm__cache_before_first_use BRKM_HIDDEN;
extern struct thread_cache brkm__cache_after_exit BRKM_HIDDEN;

static inline bool cache_is_real(const struct thread_cache *cache)
{
    return cache != &brkm__cache_before_first_use && cache != &brkm__cache_after_exit;
}

/* Takes `count` blocks out of the slot, which has as many. */
struct cached_list brkm__cache_take_out(struct thread_cache *cache, unsigned slot, unsigned count);

/* The bin of an exact class; `size` is a block size up to BRKM_CACHED_EXACT_MAX. */
static BRKM_ALWAYS_INLINE struct cache_bin *cache_exact_bin(struct thread_cache *cache, size_t size)
{
    return (struct cache_bin *)((uintptr_t)cache->bins + size);
}

#endif
