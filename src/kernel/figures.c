/* SPDX-License-Identifier: MIT
 * See figures.h. Nothing is walked but the lists of caches and threads: what objects are in use
 * follows from what slabs lack and magazines hold. */
#include "kernel/figures.h"

#include "kernel/cache.h"
#include "kernel/own.h"
#include "kernel/pages.h"
#include "kernel/thread.h"
#include "kernel/vmalloc.h"

size_t brkm__kernel_own_bytes;

struct counting {
    struct neighbour_figures *figures;
    size_t slab_bytes;
    size_t kept[THREAD_MAGAZINES]; /* entries in all threads' magazines, by number */
};

static void count_cache(struct brkm_kmem_cache *cache, void *context)
{
    struct counting *counting = context;
    size_t slabs = relaxed_load(cache->slabs);
    size_t free_objects = relaxed_load(cache->free_objects);
    size_t kept = cache->magazine != MAGAZINE_NONE ? counting->kept[cache->magazine] : 0;
    size_t spare = min_size(free_objects + kept, slabs * cache->objects);
    size_t in_use = slabs * cache->objects - spare;
    counting->figures->slab_caches++;
    counting->figures->objects += in_use;
    counting->figures->object_bytes += in_use * cache->stride;
    counting->figures->cached += spare * cache->stride;
    counting->slab_bytes += slabs << (brkm__page_shift() + cache->order);
}

void brkm__kernel_count(struct neighbour_figures *figures)
{
    struct counting counting = {.figures = figures};
    brkm__magazines_count(counting.kept);
    struct pages_totals pages = brkm__pages_totals();
    brkm__caches_visit(count_cache, &counting);
    brkm__vmalloc_count(&figures->areas, &figures->area_bytes);
    unsigned shift = brkm__page_shift();
    size_t kept = counting.kept[MAGAZINE_PAGES] << shift;
    size_t of_sections = pages.pages << shift;
    figures->free = pages.free_pages << shift;
    figures->cached += kept;
    size_t others = figures->free + kept + counting.slab_bytes;
    figures->page_bytes = of_sections - min_size(others, of_sections);
    figures->from_system = of_sections + figures->area_bytes + (figures->areas << shift);
    figures->own_bytes = __atomic_load_n(&brkm__kernel_own_bytes, __ATOMIC_RELAXED);
}
