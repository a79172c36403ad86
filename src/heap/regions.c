/* SPDX-License-Identifier: MIT
 * See regions.h. */
#include "heap/regions.h"

#include "base/facts.h"

struct region_window brkm__region_window;

static struct {
    struct region regions[BRKM_REGION_COUNT];
    /* Entries at and above were never used. */
    _Atomic(size_t) used;
} table;

static bool region_contains_payload(struct region *region, uintptr_t address)
{
    uintptr_t end = atomic_load_explicit(&region->end, memory_order_acquire);
    return end != 0 && address >= (uintptr_t)region->first + BRKM_HEADER_SIZE && address < end;
}

bool brkm__regions_contain_payload(const void *address)
{
    if (regions_window_contains(address)) {
        return true;
    }
    if ((uintptr_t)address % BRKM_ALIGNMENT != 0) {
        return false;
    }
    /* The newest first: fallback regions grow, so it is the likeliest. */
    for (size_t i = atomic_load_explicit(&table.used, memory_order_relaxed); i > 0; i--) {
        if (region_contains_payload(&table.regions[i - 1], (uintptr_t)address)) {
            return true;
        }
    }
    return false;
}

struct region *brkm__regions_around(uintptr_t address)
{
    for (size_t i = atomic_load_explicit(&table.used, memory_order_relaxed); i > 0; i--) {
        struct region *region = &table.regions[i - 1];
        uintptr_t end = atomic_load_explicit(&region->end, memory_order_acquire);
        uintptr_t start = atomic_load_explicit(&region->start, memory_order_relaxed);
        if (address >= start && address < end) {
            return region;
        }
    }
    return NULL;
}

bool brkm__regions_contain(const void *address)
{
    return brkm__regions_around((uintptr_t)address) != NULL;
}

/* The window spans the break regions, with foreign gaps between them. */
static void widen_window(const struct mem_control_block *first, uintptr_t end)
{
    if (brkm__region_window.minus_start == 0) {
        relaxed_store(brkm__region_window.minus_start, 0 - ((uintptr_t)first + BRKM_HEADER_SIZE));
    }
    relaxed_store(brkm__region_window.length,
                  (end + brkm__region_window.minus_start) / BRKM_ALIGNMENT);
}

static struct region *unused_entry(void)
{
    size_t used = atomic_load_explicit(&table.used, memory_order_relaxed);
    for (size_t i = 0; i < used; i++) {
        if (atomic_load_explicit(&table.regions[i].end, memory_order_relaxed) == 0) {
            return &table.regions[i];
        }
    }
    return used == BRKM_REGION_COUNT ? NULL : &table.regions[used];
}

bool brkm__regions_have_room(void)
{
    return unused_entry() != NULL;
}

struct region *brkm__regions_add(enum region_kind kind, uintptr_t start, uintptr_t end,
                                 struct mem_control_block *first)
{
    struct region *region = unused_entry();
    if (region == NULL) {
        return NULL;
    }
    size_t index = (size_t)(region - table.regions);
    if (index == atomic_load_explicit(&table.used, memory_order_relaxed)) {
        atomic_store_explicit(&table.used, index + 1, memory_order_relaxed);
    }
    region->kind = kind;
    region->first = first;
    region->used_to = start;
    atomic_store_explicit(&region->start, start, memory_order_relaxed);
    atomic_store_explicit(&region->end, end, memory_order_release);
    if (kind == REGION_BREAK) {
        widen_window(first, end);
    }
    return region;
}

void brkm__regions_move_end(struct region *region, uintptr_t end)
{
    atomic_store_explicit(&region->end, end, memory_order_release);
    widen_window(region->first, end);
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
        bool is_used = atomic_load_explicit(&table.regions[i].end, memory_order_relaxed) != 0;
        if (is_used && table.regions[i].kind != REGION_ABANDONED) {
            return &table.regions[i];
        }
    }
    return NULL;
}

/* ---- Abandoned regions ---- */

void brkm__regions_abandon(uintptr_t now)
{
    struct region *region = NULL;
    while ((region = brkm__regions_next(region)) != NULL) {
        uintptr_t end = atomic_load_explicit(&region->end, memory_order_relaxed);
        if (region->kind == REGION_BREAK && end > now && now > (uintptr_t)region->first) {
            brkm__regions_move_end(region, align_down(now, BRKM_ALIGNMENT));
        }
        region->kind = REGION_ABANDONED;
    }
}

bool brkm__regions_is_abandoned(const void *address)
{
    size_t used = atomic_load_explicit(&table.used, memory_order_relaxed);
    for (size_t i = 0; i < used; i++) {
        struct region *region = &table.regions[i];
        uintptr_t end = atomic_load_explicit(&region->end, memory_order_relaxed);
        if (region->kind == REGION_ABANDONED && (uintptr_t)address < end &&
            (uintptr_t)address >= atomic_load_explicit(&region->start, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("regions", table.regions),
    FACT_ADDRESS("regions used", &table.used),
    FACT_SIZE(region),
    FACT_OFFSET(region, start),
    FACT_OFFSET(region, end),
    FACT_OFFSET(region, kind),
    FACT_OFFSET(region, first),
    FACT("kind fallback", REGION_FALLBACK),
    FACT("kind abandoned", REGION_ABANDONED),
};
