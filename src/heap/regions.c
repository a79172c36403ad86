/* SPDX-License-Identifier: MIT
 * See regions.h. */
#include "heap/regions.h"

#include "base/facts.h"
#include "base/probes.h"
#include "kit/footprint.h"
#include "kit/huge_pages.h"
#include "kit/report.h"
#include "system/os.h"

struct region_window brkm__region_window;

static struct {
    struct region regions[BRKM_REGION_COUNT];
    /* Entries at and above were never used. */
    _Atomic(size_t) used;
} table;

/* ---- Lookup, without the lock ---- */

struct address_range {
    uintptr_t start;
    uintptr_t end;
};

/* Empty where the entry is unused, or changes meanwhile: then no address of the caller's is in it.
 */
static struct address_range range_of(struct region *region)
{
    uintptr_t end = atomic_load_explicit(&region->end, memory_order_acquire);
    uintptr_t start = atomic_load_explicit(&region->start, memory_order_acquire);
    uintptr_t again = atomic_load_explicit(&region->end, memory_order_relaxed);
    return end == again ? (struct address_range){start, end} : (struct address_range){0, 0};
}

/* The region that `address` lies in, `lead` bytes or more from its start. */
static BRKM_ALWAYS_INLINE struct region *find(uintptr_t address, size_t lead)
{
    /* The newest first: fallback regions grow, so it is the likeliest. */
    for (size_t i = atomic_load_explicit(&table.used, memory_order_relaxed); i > 0; i--) {
        struct address_range range = range_of(&table.regions[i - 1]);
        if (address >= range.start + lead && address < range.end) {
            return &table.regions[i - 1];
        }
    }
    return NULL;
}

struct region *brkm__regions_around(uintptr_t address)
{
    return find(address, 0);
}

bool brkm__regions_contain_payload(const void *address)
{
    return regions_window_contains(address) || ((uintptr_t)address % BRKM_ALIGNMENT == 0 &&
                                                find((uintptr_t)address, BRKM_HEADER_SIZE) != NULL);
}

/* ---- The table, under the heap's lock ---- */

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

/* ---- Fallback regions ---- */

/* Bytes of a fallback region that its first block does not cover. */
#define OVERHEAD (2 * BRKM_HEADER_SIZE)

static struct mem_control_block *add_region(size_t bytes)
{
    void *start = brkm__footprint_map(bytes);
    if (start == NULL) {
        return NULL;
    }
    brkm__huge_pages_advise(start, bytes);
    struct mem_control_block *first = block_at_offset(start, OVERHEAD / 2);
    size_t size = bytes - OVERHEAD;
    if (brkm__regions_add(REGION_FALLBACK, (uintptr_t)start, (uintptr_t)start + bytes, first) ==
        NULL) {
        brkm__footprint_abandon(start, bytes);
        return NULL;
    }
    block_create(block_at_offset(first, size), 0, BLOCK_FENCEPOST);
    block_create(first, size, BLOCK_FREE);
    block_change_flag(first, BLOCK_FLAG_REGION_START, true);
    probe_fallback_added((uintptr_t)start, bytes);
    return first;
}

struct mem_control_block *brkm__regions_map(size_t size, size_t wanted)
{
    size_t page = brkm__os_page_size();
    size_t needed = align_up(size + OVERHEAD, page);
    size_t bytes = align_up(max_size(needed, max_size(wanted, BRKM_FALLBACK_MIN)), page);
    struct mem_control_block *first = add_region(bytes);
    /* Many small regions would waste their ends, and there is a bound on their number. */
    while (first == NULL && bytes > needed) {
        bytes = max_size(needed, align_up(bytes / 2, page));
        first = add_region(bytes);
    }
    return first;
}

bool brkm__regions_is_whole(const struct mem_control_block *block)
{
    if (!block_has_flag(block, BLOCK_FLAG_REGION_START) ||
        block_state(block_next(block)) != BLOCK_FENCEPOST) {
        return false;
    }
    const struct region *region = brkm__regions_around((uintptr_t)block);
    if (unlikely(region == NULL || region->first != block || region->kind != REGION_FALLBACK)) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                    (struct fault_place){.address = block_payload(block)});
    }
    return true;
}

size_t brkm__regions_first_use(struct page_range pages)
{
    struct region *region = brkm__regions_around(pages.start);
    if (region == NULL || region->kind != REGION_FALLBACK || region->used_to >= pages.end) {
        return 0;
    }
    size_t fresh = pages.end - max_size(pages.start, region->used_to);
    region->used_to = pages.end;
    return fresh;
}

void brkm__regions_unmap(const struct mem_control_block *block)
{
    struct region *region = brkm__regions_around((uintptr_t)block);
    uintptr_t start = region->start;
    size_t bytes = region->end - start;
    brkm__regions_remove(region);
    probe_fallback_removed(start, bytes);
    brkm__footprint_abandon((void *)start, bytes);
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
