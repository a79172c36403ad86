/* SPDX-License-Identifier: MIT
 * The page level: blocks of 2^order pages by splitting and coalescing buddies (Knowlton 1965;
 * Knuth, TAOCP 1, 2.5), a zone for each range of addresses. Two blocks are buddies when their
 * numbers in the section differ in the bit of their order alone.
 *
 * No function here touches a thread's magazine of pages (thread.h) but where it says so. */
#ifndef BRKMALLOC_KERNEL_PAGES_H
#define BRKMALLOC_KERNEL_PAGES_H

#include "base/base.h"
#include "kernel/gfp.h"
#include "kernel/page_map.h"
#include "kernel/spin.h"
#include "kernel/thread.h"

/* The calls that wait for nothing take locks only where they are open. */
enum pages_wait { PAGES_NO_WAIT, PAGES_MAY_WAIT };

/* A block of that order, of kind PAGE_IN_USE, from the highest zone or one below; NULL when there
 * is none. With PAGES_MAY_WAIT the zone may get a section from the system. *is_clean says that its
 * bytes are zero. */
struct brkm_page *brkm__pages_take(enum gfp_zone highest, unsigned order, enum pages_wait wait,
                                   bool *is_clean);

/* Gives a block back; false, and nothing happened, when it would have to wait and must not. */
bool brkm__pages_give(struct brkm_page *page, unsigned order, enum pages_wait wait);

/* Up to `count` single pages of the kind PAGE_KEPT at once, as a magazine has them, and back.
 * Returns how many. */
unsigned brkm__pages_take_kept(struct magazine_entry *pages, unsigned count, enum pages_wait wait);
size_t brkm__pages_give_kept(const struct magazine_entry *pages, size_t count,
                             enum pages_wait wait);

struct zone *brkm__pages_zone(enum gfp_zone zone);

/* Gives free memory back to the system: past a bound, or all of it. Waits. Returns the bytes. */
size_t brkm__pages_balance(void);
size_t brkm__pages_trim(void);

/* What the record of a page says. */
struct page_sight {
    uint8_t kind; /* enum page_kind */
    uint8_t order;
    bool is_clean;
};

/* What the records of a section say at one moment; false where it is not at `start` any more. */
bool brkm__pages_look(struct section *section, uintptr_t start,
                      struct page_sight sights[SECTION_PAGES]);

struct pages_totals {
    size_t sections;
    size_t pages;      /* in sections */
    size_t free_pages; /* of those */
    size_t free_blocks[BRKM_MAX_ORDER + 1];
};

struct pages_totals brkm__pages_totals(void);

/* For fork. */
void brkm__pages_lock_all(void);
void brkm__pages_open_all(void);

#endif
