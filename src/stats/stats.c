/* SPDX-License-Identifier: MIT
 * See stats.h. */
#include "stats/stats.h"

#include "cache/depot.h"
#include "heap/heaps.h"
#include "heap/mapped.h"
#include "heap/rows.h"
#include "heap/size_class.h"
#include "heap/walk.h"
#include "kit/footprint.h"
#include "kit/options.h"
#include "malloc/foreign.h"
#include "malloc/perturb.h"
#include "malloc/watcher.h"
#include "system/os.h"

const struct snapshot_row brkm__snapshot_rows[SNAPSHOT_ROWS] = {
#define BRKM_STATISTICS_ROW(section, key) \
    {#section, #key, offsetof(struct snapshot, section##_##key)},
    BRKM_STATISTICS(BRKM_STATISTICS_ROW)
#undef BRKM_STATISTICS_ROW
};

/* ---- The walk ---- */

/* What a walk through the heap has seen. */
struct sight {
    struct block_totals all[SNAPSHOT_STATES];
    struct snapshot_detail *detail; /* or NULL */
    size_t regions;
    size_t damaged; /* bytes from a damaged header to its region's end */
};

static void add_blocks(struct block_totals *totals, size_t size, size_t count, size_t bytes)
{
    if (count != 0) {
        totals->smallest = totals->blocks == 0 ? size : min_size(totals->smallest, size);
        totals->largest = max_size(totals->largest, size);
    }
    totals->blocks += count;
    totals->bytes += bytes;
}

/* Blocks of one size, which have `bytes`. */
static void count_blocks(struct sight *sight, enum snapshot_state state, size_t size, size_t count,
                         size_t bytes)
{
    add_blocks(&sight->all[state], size, count, bytes);
    if (sight->detail != NULL) {
        add_blocks(&sight->detail->classes[size_class_bin(size)][state], size, count, bytes);
    }
}

/* A row counts by its places; those that are free are kept, as a cache keeps blocks. */
static void count_row(struct sight *sight, const struct walk *walk)
{
    struct row_use use = brkm__rows_use_locked(walk->block);
    size_t in_use = use.places * use.size;
    count_blocks(sight, SNAPSHOT_IN_USE, use.size, use.places, in_use);
    count_blocks(sight, SNAPSHOT_CACHED, use.size, use.free_places, walk->size - in_use);
}

static enum snapshot_state kind_of(enum block_state state)
{
    if (state == BLOCK_FREE) {
        return SNAPSHOT_FREE;
    }
    return state == BLOCK_CACHED ? SNAPSHOT_CACHED : SNAPSHOT_IN_USE;
}

/* Under the locks of all heaps. */
static void look_at_all(struct sight *sight)
{
    struct walk walk = {0};
    while (brkm__walk_step(&walk)) {
        sight->regions += walk_begins_region(&walk);
        if (walk.state == BLOCK_DAMAGED) {
            sight->damaged += walk.size;
        } else if (walk.state == BLOCK_ROW) {
            count_row(sight, &walk);
        } else if (walk.size != 0 && walk.state != BLOCK_CHUNK_EDGE) {
            count_blocks(sight, kind_of(walk.state), walk.size, 1, walk.size);
        }
    }
}

/* ---- The parts ---- */

static void add_process(struct snapshot *now)
{
    struct footprint_totals totals = brkm__footprint_totals();
    now->process_age_ms = totals.age;
    now->peak_total = totals.peak;
    now->peak_after_ms = totals.peak_time;
    now->events_purged = totals.purges;
    now->events_purged_bytes = totals.purged_bytes;
    now->limits_soft = brkm__option_get(OPTION_limit_soft);
    now->limits_soft_met = totals.relieved;
    now->limits_hard = brkm__option_get(OPTION_limit_hard);
    now->limits_hard_met = totals.refused;
}

static void add_caches(struct snapshot *now, const struct watch_figures *watch)
{
    struct cache_totals caches = brkm__cache_totals();
    struct depot_totals depot = brkm__depot_totals();
    struct perturb_totals perturbed = brkm__perturb_totals();
    now->caches_threads = caches.threads;
    now->caches_bytes = caches.bytes;
    now->caches_blocks = caches.blocks;
    now->caches_refills = caches.refills;
    now->caches_flushes = caches.flushes;
    now->caches_depot_bytes = depot.bytes + perturbed.bytes;
    now->caches_depot_blocks = depot.blocks + perturbed.blocks;
    now->caches_quarantine_bytes = watch->kept.bytes;
    now->caches_quarantine_blocks = watch->kept.blocks;
    now->locks_caches = caches.contended + watch->kept.contended;
    now->locks_depot = depot.contended;
    now->locks_depot_taken = depot.taken;
    size_t own_bytes = caches.own_bytes + depot.own_bytes + watch->kept.own_bytes;
    now->memory_total += own_bytes;
    now->memory_overhead += own_bytes;
}

/* Free places wait for requests of their size alone, as what is in the depot does. */
static void add_rows(struct snapshot *now, struct row_totals rows)
{
    now->caches_depot_bytes += rows.free_bytes;
    now->caches_depot_blocks += rows.free_places;
    now->memory_total += rows.own_bytes;
    now->memory_overhead += rows.own_bytes;
}

static void add_noted(struct snapshot *now, const struct watch_figures *watch)
{
    now->profile_samples = watch->noted.ever;
    now->profile_live = watch->noted.live;
    now->profile_stacks = watch->noted.stacks;
    now->profile_lost = watch->noted.lost;
    now->profile_bytes = watch->noted.own_bytes;
    now->locks_profile = watch->noted.contended;
    now->memory_total += watch->noted.own_bytes;
    now->memory_overhead += watch->noted.own_bytes;
}

static void add_mapped(struct snapshot *now, struct mapped_totals mapped)
{
    now->served_mapped_blocks = mapped.allocations;
    now->in_use_mapped_bytes = mapped.bytes;
    now->in_use_mapped_blocks = mapped.count;
    now->in_use_mapped_peak = mapped.bytes_peak;
    now->locks_mapped = mapped.contended;
    now->memory_total += mapped.bytes + mapped.table_bytes;
    now->memory_in_use += mapped.usable_bytes;
    now->memory_overhead += mapped.bytes - mapped.usable_bytes + mapped.table_bytes;
}

static void add_apart(struct snapshot *now, const struct watch_figures *watch)
{
    now->served_guarded_blocks = watch->apart.allocations;
    now->served_guarded_missed = watch->apart.missed;
    now->in_use_guarded_bytes = watch->apart.bytes;
    now->in_use_guarded_blocks = watch->apart.blocks;
    now->locks_guarded = watch->apart.contended;
    now->memory_total += watch->apart.from_system;
    now->memory_in_use += watch->apart.bytes;
    now->memory_overhead += watch->apart.from_system - watch->apart.bytes;
}

/* The kernel's family, which a build may go without. */
static void add_neighbour(struct snapshot *now)
{
    struct neighbour_figures figures = {0};
    const struct neighbour *neighbour = relaxed_load(brkm__neighbour);
    if (neighbour == NULL) {
        return;
    }
    neighbour->count(&figures);
    size_t in_use = figures.object_bytes + figures.page_bytes + figures.area_bytes;
    size_t known = in_use + figures.cached + figures.free;
    now->kernel_from_system = figures.from_system;
    now->kernel_caches = figures.slab_caches;
    now->kernel_objects = figures.objects;
    now->kernel_object_bytes = figures.object_bytes;
    now->kernel_page_bytes = figures.page_bytes;
    now->kernel_areas = figures.areas;
    now->kernel_area_bytes = figures.area_bytes;
    now->kernel_cached = figures.cached;
    now->kernel_free = figures.free;
    size_t total = max_size(figures.from_system, known);
    now->memory_total += total + figures.own_bytes;
    now->memory_in_use += in_use;
    now->memory_cached += figures.cached;
    now->memory_free += figures.free;
    now->memory_overhead += total - known + figures.own_bytes;
}

/* All but the heap's and the mapped blocks'. */
static void add_parts(struct snapshot *now)
{
    add_neighbour(now);
    struct watch_figures watch = brkm__watch_figures();
    add_caches(now, &watch);
    add_apart(now, &watch);
    add_noted(now, &watch);
}

/* Under the locks of all heaps. */
static void add_heap_counters(struct snapshot *now)
{
    const struct heap *heap = &brkm__main_heap;
    struct heaps_totals totals = brkm__heaps_totals();
    now->served_heap_blocks = totals.allocations;
    now->served_heap_frees = totals.frees;
    now->in_use_heap_peak = totals.in_use_peak;
    now->heap_from_system = heap_bytes_from_system(heap);
    now->memory_total += heap->abandoned_bytes;
    now->memory_overhead += heap->abandoned_bytes;
    now->heap_from_system_peak = heap->top.from_system_peak + heap->fallback_peak;
    now->heap_top = brkm__top_available(&heap->top);
    now->heap_free_blocks = totals.free_blocks;
    now->events_grown = heap->top.grown;
    now->events_trimmed = heap->top.trimmed;
    now->events_trimmed_bytes = heap->top.trimmed_bytes;
    now->locks_heap = totals.contended;
    now->locks_heap_taken = totals.taken;
}

/* Takes the locks of all heaps, and adds up all memory from the system as it is at that moment. */
static void lock_and_add(struct snapshot *now)
{
    lock_acquire(&brkm__mapped_lock);
    brkm__heaps_acquire();
    struct mapped_totals mapped = brkm__mapped_totals_locked();
    lock_release(&brkm__mapped_lock);
    add_mapped(now, mapped);
    add_heap_counters(now);
}

/* What is in nobody's blocks: region ends, alignment. */
static void add_up(struct snapshot *now, size_t in_use, size_t cached, size_t free_in_bins)
{
    now->in_use_heap_bytes = in_use;
    now->heap_free = free_in_bins + now->heap_top;
    now->memory_total += now->heap_from_system;
    now->memory_in_use += in_use;
    now->memory_cached += cached;
    now->memory_free += now->heap_free;
    now->memory_overhead += now->heap_from_system - in_use - cached - now->heap_free;
    now->locks_all = now->locks_heap + now->locks_mapped + now->locks_guarded + now->locks_caches +
                     now->locks_depot + now->locks_profile;
}

/* ---- The whole ---- */

size_t brkm__snapshot_cached_blocks(const struct snapshot *now)
{
    return now->caches_blocks + now->caches_depot_blocks + now->caches_quarantine_blocks;
}

struct snapshot brkm__snapshot_of_counters(void)
{
    struct snapshot now = {0};
    struct row_totals rows = brkm__rows_totals();
    add_parts(&now);
    add_rows(&now, rows);
    lock_and_add(&now);
    struct heaps_totals totals = brkm__heaps_totals();
    brkm__heaps_release();
    size_t handed_out = totals.in_use_bytes;
    now.in_use_heap_blocks = totals.in_use_blocks;
    add_process(&now);
    size_t cached = now.caches_bytes + now.caches_depot_bytes + now.caches_quarantine_bytes;
    cached = min_size(cached, handed_out);
    now.in_use_heap_blocks += rows.places + rows.free_places - rows.rows;
    now.in_use_heap_blocks -= min_size(brkm__snapshot_cached_blocks(&now), now.in_use_heap_blocks);
    add_up(&now, handed_out - cached, cached, totals.free_bytes);
    return now;
}

static size_t detail_bytes(void)
{
    return align_up(sizeof(struct snapshot_detail), brkm__os_page_size());
}

struct snapshot brkm__snapshot_begin(struct snapshot_detail **detail)
{
    struct snapshot now = {0};
    struct sight sight = {.detail = brkm__os_map(detail_bytes())};
    *detail = sight.detail;
    if (sight.detail != NULL) {
        sight.detail->caches_listed = brkm__cache_records(sight.detail->caches, SNAPSHOT_CACHES);
    }
    struct row_totals rows = brkm__rows_totals();
    add_parts(&now);
    add_rows(&now, rows);
    lock_acquire(&brkm__rows_lock);
    lock_and_add(&now);
    look_at_all(&sight);
    brkm__heaps_release();
    lock_release(&brkm__rows_lock);
    add_process(&now);
    now.process_id = (uint64_t)brkm__os_process_id();
    const struct block_totals *in_use = &sight.all[SNAPSHOT_IN_USE];
    now.in_use_heap_blocks = in_use->blocks;
    now.heap_regions = sight.regions;
    now.heap_damaged = sight.damaged;
    add_up(&now, in_use->bytes, sight.all[SNAPSHOT_CACHED].bytes, sight.all[SNAPSHOT_FREE].bytes);
    return now;
}

void brkm__snapshot_end(struct snapshot_detail *detail)
{
    if (detail != NULL) {
        brkm__os_unmap(detail, detail_bytes());
    }
}
