/* SPDX-License-Identifier: MIT
 * Layer 4: see regions.h. */
#include "regions.h"

struct region_window brkm__region_window;

static struct {
    struct region regions[BRKM_REGION_COUNT];
    /* Entries at and above were never used. */
    _Atomic(size_t) used;
} table;

static bool region_contains(struct region *region, uintptr_t address)
{
    uintptr_t end = atomic_load_explicit(&region->end, memory_order_acquire);
    uintptr_t start = atomic_load_explicit(&region->start, memory_order_relaxed);
    return end != 0 && address >= start && address < end;
}

bool brkm__regions_contain_payload(const void *address)
{
    if (regions_window_contains(address)) {
        return true;
    }
    if ((uintptr_t)address % BRKM_ALIGNMENT != 0) {
        return false;
    }
    size_t used = atomic_load_explicit(&table.used, memory_order_relaxed);
    for (size_t i = 0; i < used; i++) {
        if (region_contains(&table.regions[i], (uintptr_t)address)) {
            return true;
        }
    }
    return false;
}

bool brkm__regions_have_boundary(const struct mem_control_block *block)
{
    for (struct region *region = brkm__regions_next(NULL); region != NULL;
         region = brkm__regions_next(region)) {
        if (!region_contains(region, (uintptr_t)block)) {
            continue;
        }
        const struct mem_control_block *step = region->first;
        while (step < block && block_short_size(step) != 0 && block_state(step) != BLOCK_DAMAGED) {
            step = block_next(step);
        }
        return step == block;
    }
    return false;
}

/* The window spans the break regions, with foreign gaps between them. */
static void widen_window(uintptr_t start, uintptr_t end)
{
    if (brkm__region_window.start == 0) {
        brkm__region_window.start = align_up(start, BRKM_ALIGNMENT);
    }
    relaxed_store(brkm__region_window.length,
                  (end - brkm__region_window.start) / BRKM_ALIGNMENT);
}

static struct region *unused_entry(void)
{
    size_t used = atomic_load_explicit(&table.used, memory_order_relaxed);
    for (size_t i = 0; i < used; i++) {
        if (atomic_load_explicit(&table.regions[i].end, memory_order_relaxed) == 0) {
            return &table.regions[i];
        }
    }
    if (used == BRKM_REGION_COUNT) {
        return NULL;
    }
    atomic_store_explicit(&table.used, used + 1, memory_order_relaxed);
    return &table.regions[used];
}

struct region *brkm__regions_add(enum region_kind kind, uintptr_t start, uintptr_t end,
                                 struct mem_control_block *first)
{
    struct region *region = unused_entry();
    if (region == NULL) {
        return NULL;
    }
    region->kind = kind;
    region->first = first;
    atomic_store_explicit(&region->start, start, memory_order_relaxed);
    atomic_store_explicit(&region->end, end, memory_order_release);
    if (kind == REGION_BREAK) {
        widen_window(start, end);
    }
    return region;
}

void brkm__regions_move_end(struct region *region, uintptr_t end)
{
    atomic_store_explicit(&region->end, end, memory_order_release);
    widen_window(region->start, end);
}

void brkm__regions_remove(struct region *region)
{
    atomic_store_explicit(&region->end, 0, memory_order_release);
}

struct region *brkm__regions_find(const struct mem_control_block *first)
{
    for (struct region *region = brkm__regions_next(NULL); region != NULL;
         region = brkm__regions_next(region)) {
        if (region->first == first) {
            return region;
        }
    }
    return NULL;
}

struct region *brkm__regions_next(const struct region *region)
{
    size_t used = atomic_load_explicit(&table.used, memory_order_relaxed);
    size_t i = region == NULL ? 0 : (size_t)(region - table.regions) + 1;
    for (; i < used; i++) {
        if (atomic_load_explicit(&table.regions[i].end, memory_order_relaxed) != 0) {
            return &table.regions[i];
        }
    }
    return NULL;
}
