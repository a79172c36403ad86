/* SPDX-License-Identifier: MIT
 * See pages.h. */
#include "kernel/pages.h"

#include "kernel/own.h"
#include "kit/footprint.h"
#include "kit/report.h"
#include "system/os.h"

/* Bytes of free pages that may stay resident: a constant, and a share (1/8) of what is in use. Half
 * of the excess goes back at a time, as in the heap (purge.h). */
#define DIRTY_MIN (1024 * 1024)
#define DIRTY_SHARE 8

/* Free blocks below this order are not given back one by one: a system call for 32 KiB. */
#define RETURNED_ORDER_MIN 3

struct zone {
    struct spin lock;
    uintptr_t limit; /* no address at or above; 0 for none. Constant */
    /* All else under the lock. */
    struct brkm_page *free[BRKM_MAX_ORDER + 1];
    size_t whole; /* sections that are one free block */
    struct section *sections;
    /* Written under the lock; read without, relaxed, where a bound is looked at. */
    size_t pages;       /* in sections */
    size_t free_pages;  /* of those */
    size_t dirty_pages; /* of those: not known to be zero, so they may be resident */
};

static struct zone zones[GFP_ZONE_COUNT] = {
    [GFP_ZONE_DMA] = {.limit = (uintptr_t)1 << 24},
    [GFP_ZONE_DMA32] = {.limit = (uintptr_t)1 << 32},
};

/* Records of sections that have no pages any more, for the next ones. */
static struct {
    struct spin lock;
    struct section *first;
} spare;

struct zone *brkm__pages_zone(enum gfp_zone zone)
{
    return &zones[zone];
}

/* ---- Lists of free blocks ---- */

static size_t pages_of(unsigned order)
{
    return (size_t)1 << order;
}

/* `pages`, which may be the two's complement of a decrease, became free. */
static void count_free(struct zone *zone, size_t pages, bool is_clean)
{
    relaxed_store(zone->free_pages, zone->free_pages + pages);
    if (!is_clean) {
        relaxed_store(zone->dirty_pages, zone->dirty_pages + pages);
    }
}

static void link_free(struct zone *zone, struct brkm_page *page, unsigned order, bool is_clean)
{
    brkm_assert(spin_is_taken(&zone->lock), "the zone's lock is held");
    relaxed_store(page->order, (uint8_t)order);
    relaxed_store(page->kind, PAGE_FREE);
    page->is_clean = is_clean;
    page->u.list.previous = NULL;
    page->u.list.next = zone->free[order];
    if (zone->free[order] != NULL) {
        zone->free[order]->u.list.previous = page;
    }
    zone->free[order] = page;
    count_free(zone, pages_of(order), is_clean);
    zone->whole += order == BRKM_MAX_ORDER;
}

static void unlink_free(struct zone *zone, struct brkm_page *page, unsigned order)
{
    struct brkm_page *next = page->u.list.next;
    struct brkm_page *previous = page->u.list.previous;
    if (next != NULL) {
        next->u.list.previous = previous;
    }
    if (previous != NULL) {
        previous->u.list.next = next;
    } else {
        zone->free[order] = next;
    }
    relaxed_store(page->kind, PAGE_TAIL);
    count_free(zone, -pages_of(order), page->is_clean);
    zone->whole -= order == BRKM_MAX_ORDER;
}

/* ---- Split and coalesce ---- */

/* The smallest free block of at least that order, cut down to it: what is too much goes back, half
 * by half. */
static struct brkm_page *take_from(struct zone *zone, unsigned order, bool *is_clean)
{
    unsigned found = order;
    while (found <= BRKM_MAX_ORDER && zone->free[found] == NULL) {
        found++;
    }
    if (found > BRKM_MAX_ORDER) {
        return NULL;
    }
    struct brkm_page *page = zone->free[found];
    *is_clean = page->is_clean;
    unlink_free(zone, page, found);
    while (found > order) {
        found--;
        link_free(zone, page + pages_of(found), found, *is_clean);
    }
    relaxed_store(page->order, (uint8_t)order);
    return page;
}

static struct brkm_page *buddy_of(struct brkm_page *page, unsigned order)
{
    return page - page->index + (page->index ^ pages_of(order));
}

static void give_to(struct zone *zone, struct brkm_page *page, unsigned order, bool is_clean)
{
    relaxed_store(page->kind, PAGE_TAIL);
    while (order < BRKM_MAX_ORDER) {
        struct brkm_page *buddy = buddy_of(page, order);
        if (relaxed_load(buddy->kind) != PAGE_FREE || relaxed_load(buddy->order) != order) {
            break;
        }
        is_clean &= buddy->is_clean;
        unlink_free(zone, buddy, order);
        page = buddy < page ? buddy : page;
        order++;
    }
    link_free(zone, page, order, is_clean);
}

/* ---- Sections ---- */

static struct section *take_record(void)
{
    spin_acquire(&spare.lock);
    struct section *section = spare.first;
    if (section != NULL) {
        spare.first = section->next;
    }
    spin_release(&spare.lock);
    if (section != NULL) {
        return section;
    }
    section = kernel_own_map(sizeof(*section));
    for (unsigned i = 0; section != NULL && i < SECTION_PAGES; i++) {
        section->pages[i].index = (uint16_t)i;
    }
    return section;
}

static void give_record(struct section *section)
{
    spin_acquire(&spare.lock);
    section->next = spare.first;
    spare.first = section;
    spin_release(&spare.lock);
}

/* Anywhere: twice as much as is needed, without what is too much at both ends. */
static uintptr_t map_anywhere(size_t bytes)
{
    char *mapped = brkm__footprint_map(2 * bytes);
    if (mapped == NULL) {
        return 0;
    }
    char *start = (char *)align_up((uintptr_t)mapped, bytes);
    if (start != mapped) {
        brkm__footprint_abandon(mapped, (size_t)(start - mapped));
    }
    brkm__footprint_abandon(start + bytes, (size_t)(mapped + bytes - start));
    return (uintptr_t)start;
}

/* Below an address: from there downwards, where nothing is mapped. */
static uintptr_t map_below(uintptr_t limit, size_t bytes)
{
    if (!brkm__footprint_reserve(bytes)) {
        return 0;
    }
    uintptr_t start = align_down(limit, bytes);
    bool mapped = false;
    while (!mapped && start > bytes) {
        start -= bytes;
        mapped = brkm__os_map_at((void *)start, bytes);
    }
    brkm__footprint_settle(bytes, mapped);
    return mapped ? start : 0;
}

/* A zone gets a section. */
static bool grow(struct zone *zone)
{
    struct section *section = take_record();
    if (section == NULL) {
        return false;
    }
    size_t bytes = section_bytes();
    section->zone = zone;
    for (unsigned i = 0; i < SECTION_PAGES; i++) {
        section->pages[i].zone = (uint8_t)(zone - zones);
    }
    section->start = zone->limit != 0 ? map_below(zone->limit, bytes) : map_anywhere(bytes);
    if (section->start == 0 || !brkm__page_map_enter(section)) {
        if (section->start != 0) {
            brkm__footprint_abandon((void *)section->start, bytes);
        }
        give_record(section);
        return false;
    }
    spin_acquire(&zone->lock);
    section->next = zone->sections;
    zone->sections = section;
    relaxed_store(zone->pages, zone->pages + SECTION_PAGES);
    link_free(zone, &section->pages[0], BRKM_MAX_ORDER, true);
    spin_release(&zone->lock);
    return true;
}

/* ---- Take and give ---- */

static struct brkm_page *take_below(enum gfp_zone highest, unsigned order, enum pages_wait wait,
                                    bool *is_clean)
{
    for (unsigned i = highest + 1u; i-- > 0;) {
        struct zone *zone = &zones[i];
        if (!spin_take(&zone->lock, wait == PAGES_MAY_WAIT)) {
            continue;
        }
        struct brkm_page *page = take_from(zone, order, is_clean);
        if (page != NULL) {
            relaxed_store(page->kind, PAGE_IN_USE);
        }
        spin_release(&zone->lock);
        if (page != NULL) {
            return page;
        }
    }
    return NULL;
}

struct brkm_page *brkm__pages_take(enum gfp_zone highest, unsigned order, enum pages_wait wait,
                                   bool *is_clean)
{
    struct brkm_page *page = take_below(highest, order, wait, is_clean);
    while (page == NULL && wait == PAGES_MAY_WAIT && grow(&zones[highest])) {
        page = take_below(highest, order, wait, is_clean);
    }
    return page;
}

bool brkm__pages_give(struct brkm_page *page, unsigned order, enum pages_wait wait)
{
    struct zone *zone = page_section(page)->zone;
    if (!spin_take(&zone->lock, wait == PAGES_MAY_WAIT)) {
        return false;
    }
    give_to(zone, page, order, false);
    spin_release(&zone->lock);
    return true;
}

unsigned brkm__pages_take_kept(struct magazine_entry *pages, unsigned count, enum pages_wait wait)
{
    struct zone *zone = &zones[GFP_ZONE_NORMAL];
    struct brkm_page *page;
    unsigned taken = 0;
    bool is_clean;
    do {
        if (!spin_take(&zone->lock, wait == PAGES_MAY_WAIT)) {
            return 0;
        }
        while (taken < count && (page = take_from(zone, 0, &is_clean)) != NULL) {
            page->is_clean = is_clean;
            relaxed_store(page->kind, PAGE_KEPT);
            pages[taken++] = (struct magazine_entry){brkm__page_start(page), &page->kind};
        }
        spin_release(&zone->lock);
    } while (taken == 0 && wait == PAGES_MAY_WAIT && grow(zone));
    return taken;
}

size_t brkm__pages_give_kept(const struct magazine_entry *pages, size_t count, enum pages_wait wait)
{
    for (size_t i = 0; i < count; i++) {
        if (!brkm__pages_give(page_of_kind(pages[i].state), 0, wait)) {
            return i;
        }
    }
    return count;
}

/* ---- Back to the system ---- */

static void take_out_section(struct zone *zone, struct section *section)
{
    struct section **link = &zone->sections;
    while (*link != section) {
        link = &(*link)->next;
    }
    *link = section->next;
    relaxed_store(zone->pages, zone->pages - SECTION_PAGES);
}

/* Unmaps sections that are free as a whole, but for `spared`. */
static size_t return_sections(struct zone *zone, size_t spared)
{
    size_t bytes = 0;
    for (;;) {
        spin_acquire(&zone->lock);
        struct brkm_page *page = zone->whole > spared ? zone->free[BRKM_MAX_ORDER] : NULL;
        if (page != NULL) {
            unlink_free(zone, page, BRKM_MAX_ORDER);
            take_out_section(zone, page_section(page));
        }
        spin_release(&zone->lock);
        if (page == NULL) {
            return bytes;
        }
        struct section *section = page_section(page);
        brkm__page_map_leave(section);
        brkm__footprint_abandon((void *)section->start, section_bytes());
        section->start = 0;
        give_record(section);
        bytes += section_bytes();
    }
}

/* A dirty free block of at least that order, taken out of its list; the largest first. */
static struct brkm_page *take_dirty(struct zone *zone, unsigned least)
{
    for (unsigned order = BRKM_MAX_ORDER + 1; order-- > least;) {
        for (struct brkm_page *page = zone->free[order]; page != NULL; page = page->u.list.next) {
            if (!page->is_clean) {
                unlink_free(zone, page, order);
                relaxed_store(page->kind, PAGE_BUSY);
                return page;
            }
        }
    }
    return NULL;
}

/* Gives pages of free blocks back until no more than `most` pages may be resident. */
static size_t return_pages(struct zone *zone, size_t most, unsigned least_order)
{
    size_t bytes = 0;
    for (;;) {
        spin_acquire(&zone->lock);
        struct brkm_page *page = zone->dirty_pages > most ? take_dirty(zone, least_order) : NULL;
        spin_release(&zone->lock);
        if (page == NULL) {
            return bytes;
        }
        unsigned order = page->order;
        size_t size = pages_of(order) << brkm__page_shift();
        bool returned = brkm__footprint_discard(brkm__page_start(page), size);
        spin_acquire(&zone->lock);
        give_to(zone, page, order, returned);
        spin_release(&zone->lock);
        if (!returned) {
            return bytes;
        }
        bytes += size;
    }
}

static size_t dirty_bound(const struct zone *zone)
{
    size_t pages = relaxed_load(zone->pages);
    size_t free_pages = min_size(relaxed_load(zone->free_pages), pages);
    return (DIRTY_MIN >> brkm__page_shift()) + (pages - free_pages) / DIRTY_SHARE;
}

size_t brkm__pages_balance(void)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < GFP_ZONE_COUNT; i++) {
        struct zone *zone = &zones[i];
        /* Looked at without the lock: a bound only. */
        size_t bound = dirty_bound(zone);
        if (unlikely(relaxed_load(zone->dirty_pages) > bound)) {
            bytes += return_sections(zone, 1);
            bytes += return_pages(zone, bound / 2, RETURNED_ORDER_MIN);
        }
    }
    return bytes;
}

size_t brkm__pages_trim(void)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < GFP_ZONE_COUNT; i++) {
        bytes += return_sections(&zones[i], 0) + return_pages(&zones[i], 0, 0);
    }
    return bytes;
}

/* ---- Figures, fork ---- */

bool brkm__pages_look(struct section *section, uintptr_t start,
                      struct page_sight sights[SECTION_PAGES])
{
    struct zone *zone = section->zone;
    spin_acquire(&zone->lock);
    bool is_there = section->zone == zone && section->start == start;
    for (unsigned i = 0; is_there && i < SECTION_PAGES; i++) {
        const struct brkm_page *page = &section->pages[i];
        uint8_t kind = relaxed_load(page->kind);
        sights[i] = (struct page_sight){kind, relaxed_load(page->order),
                                        kind == PAGE_FREE && page->is_clean != 0};
    }
    spin_release(&zone->lock);
    return is_there;
}

struct pages_totals brkm__pages_totals(void)
{
    struct pages_totals totals = {0};
    for (unsigned i = 0; i < GFP_ZONE_COUNT; i++) {
        struct zone *zone = &zones[i];
        spin_acquire(&zone->lock);
        totals.sections += zone->pages / SECTION_PAGES;
        totals.pages += zone->pages;
        totals.free_pages += zone->free_pages;
        for (unsigned order = 0; order <= BRKM_MAX_ORDER; order++) {
            struct brkm_page *page = zone->free[order];
            for (; page != NULL; page = page->u.list.next) {
                totals.free_blocks[order]++;
            }
        }
        spin_release(&zone->lock);
    }
    return totals;
}

void brkm__pages_lock_all(void)
{
    for (unsigned i = 0; i < GFP_ZONE_COUNT; i++) {
        spin_acquire(&zones[i].lock);
    }
    spin_acquire(&spare.lock);
}

void brkm__pages_open_all(void)
{
    spin_release(&spare.lock);
    for (unsigned i = GFP_ZONE_COUNT; i-- > 0;) {
        spin_release(&zones[i].lock);
    }
}
