/* SPDX-License-Identifier: MIT
 * From an address to the record of its page.
 *
 *   address:  | root 13 bits | leaf 12 bits | page in section | byte in page |
 *
 * A section is the largest block of pages, aligned to its size. Its records lie apart from its
 * pages, between inaccessible ones: no program that writes past an object gets there. A leaf and
 * the records of a section stay where they are for good, so they can be read without a lock, also
 * at an address that was given back. */
#ifndef BRKMALLOC_KERNEL_PAGE_MAP_H
#define BRKMALLOC_KERNEL_PAGE_MAP_H

#include "base/base.h"
#include "brkmalloc/kernel.h"

struct slab;
struct zone;

#define SECTION_PAGES (1u << BRKM_MAX_ORDER)

enum page_kind {
    PAGE_TAIL,   /* of a block whose first page tells all */
    PAGE_FREE,   /* begins a free block of the zone */
    PAGE_KEPT,   /* lies in a thread's magazine of pages */
    PAGE_IN_USE, /* begins a block of the program's */
    PAGE_NOTED,  /* likewise; the recorder wants to know of its end */
    PAGE_SLAB,   /* any page of a slab */
    PAGE_LARGE,  /* begins an object of kmalloc's that is a block of pages */
    PAGE_BUSY,   /* begins a free block that is being given back */
};

struct brkm_page {
    /* kind and order: written under the zone's lock, or by the owner of a block that is in use;
     * read without by whoever judges an address that a program hands in (relaxed). */
    uint8_t kind;
    uint8_t order;
    uint8_t is_clean; /* of a free block, or a kept page: all its bytes are zero. Its owner's */
    uint8_t zone;     /* enum gfp_zone; constant while the section has pages */
    uint8_t is_noted; /* by the recorder (note.h); its owner's */
    uint16_t index;   /* in the section; never changes */
    union {
        struct { /* PAGE_FREE, under the zone's lock */
            struct brkm_page *next;
            struct brkm_page *previous;
        } list;
        struct slab *slab; /* PAGE_SLAB: written before any object is handed out */
    } u;
};

_Static_assert(offsetof(struct brkm_page, kind) == 0, "a kind's address is its record's");
_Static_assert(sizeof(struct brkm_page) == 24, "records cost 0.6 % of pages of 4 KiB");
_Static_assert(SECTION_PAGES <= UINT16_MAX + 1u, "the index has 16 bits");

struct section {
    struct section *next; /* of the zone, or of those without pages; under its lock */
    struct zone *zone;
    uintptr_t start; /* 0 while it has no pages */
    struct brkm_page pages[SECTION_PAGES];
};

static inline struct section *page_section(const struct brkm_page *page)
{
    return (struct section *)((uintptr_t)(page - page->index) - offsetof(struct section, pages));
}

/* Of the page's record. */
static inline struct brkm_page *page_of_kind(uint8_t *kind)
{
    return (struct brkm_page *)(void *)kind;
}

void *brkm__page_start(const struct brkm_page *page);

/* Makes the section's pages known, or unknown again. False when memory is short. */
bool brkm__page_map_enter(struct section *section);
void brkm__page_map_leave(struct section *section);

/* log2 of the bytes of a page: always 12 on x86-64, read from the system elsewhere. */
#ifdef __x86_64__
#define brkm__page_shift() 12u
#else
unsigned brkm__page_shift(void);
#endif

/* ---- The map ---- */

/* Sections of a leaf, and leaves: with sections of 4 MiB all addresses of 47 bits, which are those
 * that Linux gives to programs that do not ask for more. Larger sections need fewer. */
#define MAP_LEAF_BITS 12
#define MAP_ROOT_BITS 13
#define MAP_LEAF_SIZE ((size_t)1 << MAP_LEAF_BITS)
#define MAP_ROOT_SIZE ((size_t)1 << MAP_ROOT_BITS)

struct page_map {
#ifndef __x86_64__
    /* log2 of the bytes of a section; before the first one, when nothing is found, so much that
     * every address has number 0 or 1. Relaxed: whoever has an address of a section knows it. */
    unsigned section_shift;
#endif
    /* Written by who maps a section, by compare-and-exchange: release. Read by whoever has an
     * address: acquire. */
    struct section **root[MAP_ROOT_SIZE];
};

extern struct page_map brkm__page_map BRKM_HIDDEN;

static inline unsigned map_section_shift(void)
{
#ifdef __x86_64__
    return brkm__page_shift() + BRKM_MAX_ORDER;
#else
    return relaxed_load(brkm__page_map.section_shift);
#endif
}

/* The record of the page that the address lies in; NULL where it is in no section. Reads nothing at
 * the address. */
static BRKM_ALWAYS_INLINE struct brkm_page *page_of(const void *address)
{
    unsigned shift = map_section_shift();
    size_t number = (uintptr_t)address >> shift;
    size_t at = number >> MAP_LEAF_BITS;
    struct section **leaf = likely(at < MAP_ROOT_SIZE)
                                ? __atomic_load_n(&brkm__page_map.root[at], __ATOMIC_ACQUIRE)
                                : NULL;
    if (unlikely(leaf == NULL)) {
        return NULL;
    }
    struct section *section = __atomic_load_n(&leaf[number % MAP_LEAF_SIZE], __ATOMIC_ACQUIRE);
    if (unlikely(section == NULL)) {
        return NULL;
    }
    return &section->pages[(uintptr_t)address >> (shift - BRKM_MAX_ORDER) & (SECTION_PAGES - 1)];
}

/* The first section from the number on, whose own number is stored; NULL where none follows. */
struct section *brkm__page_map_next(size_t *number);

static inline size_t section_bytes(void)
{
    return (size_t)1 << (brkm__page_shift() + BRKM_MAX_ORDER);
}

#endif
