/* SPDX-License-Identifier: MIT
 * The family and the process: threads that end, forks. */
#include "kernel/cache.h"
#include "kernel/failslab.h"
#include "kernel/figures.h"
#include "kernel/kmalloc.h"
#include "kernel/outside.h"
#include "kernel/page_alloc.h"
#include "kernel/pages.h"
#include "kernel/reserve.h"
#include "kernel/shrink.h"
#include "kernel/thread.h"
#include "kernel/vmalloc.h"
#include "malloc/foreign.h"
#include "malloc/watcher.h"
#include "system/os_thread.h"

static void flush_cache(struct brkm_kmem_cache *cache, void *context)
{
    struct kernel_thread *thread = context;
    if (cache->magazine != MAGAZINE_NONE) {
        brkm__slab_flush(cache, thread->magazines[cache->magazine], 0, true);
    }
}

static void end_thread(struct kernel_thread *thread)
{
    brkm__caches_visit(flush_cache, thread);
    brkm__page_flush(thread);
}

/* In the order in which they nest. */
static void lock_all(void)
{
    brkm__shrinkers_lock();
    brkm__reserve_lock();
    brkm__failslab_lock();
    brkm__caches_lock_all();
    brkm__slab_records_lock();
    brkm__vmalloc_lock();
    brkm__pages_lock_all();
    brkm__kernel_threads_lock();
}

static void open_all(void)
{
    brkm__kernel_threads_open();
    brkm__pages_open_all();
    brkm__vmalloc_open();
    brkm__slab_records_open();
    brkm__caches_open_all();
    brkm__failslab_open();
    brkm__reserve_open();
    brkm__shrinkers_open();
}

/* What other threads had in their magazines is lost to the child, as what their caches had. */
static void open_in_child(void)
{
    brkm__kernel_threads_forget_others();
    open_all();
}

static void watch(bool on)
{
    brkm__caches_watch(CACHE_WATCH_RECORDER, on);
}

static const struct neighbour neighbour = {
    .has = brkm__neighbour_has,
    .free = brkm__neighbour_free,
    .realloc = brkm__neighbour_realloc,
    .usable_size = brkm__neighbour_usable_size,
    .count = brkm__kernel_count,
    .watch = watch,
};

__attribute__((constructor(102))) static void start(void)
{
    brkm__kernel_thread_ends = end_thread;
    relaxed_store(brkm__neighbour, &neighbour);
    brkm__kernel_tell_outside();
    if (recorder_is_on()) {
        watch(true);
    }
    brkm__os_at_fork(lock_all, open_all, open_in_child);
}
