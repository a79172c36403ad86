/* SPDX-License-Identifier: MIT
 * Which addresses belong to the heap.
 *
 * A region is one contiguous range that blocks tile from its first header to its last (the top's or
 * a fencepost's). The break regions lie one above the other and are spanned by the window, which a
 * free can test with two instructions; fallback regions, mapped where sbrk fails, lie anywhere. */
#ifndef BRKMALLOC_HEAP_REGIONS_H
#define BRKMALLOC_HEAP_REGIONS_H

#include <stdatomic.h>

#include "base/base.h"
#include "base/config.h"
#include "heap/block.h"

/* An abandoned region was of either kind: its blocks may be used and freed, but nobody knows any
 * more where they begin and which of them are free (process/bare_fork.h). */
enum region_kind { REGION_BREAK, REGION_FALLBACK, REGION_ABANDONED };

/* All members are written under the heap's lock. A free reads start and end without it: end is
 * stored last and cleared first (release, pairs with the first acquire in range_of), so a start
 * between two equal ends is theirs. The others are read under the lock only. */
struct region {
    _Atomic(uintptr_t) start;
    _Atomic(uintptr_t) end; /* first address after it; 0 in an unused entry */
    enum region_kind kind;
    struct mem_control_block *first;
    uintptr_t used_to; /* of a fallback region: pages from here on were never used */
};

/* The span of the break regions. */
struct region_window {
    /* The first payload's address, negated: a leak checker shall not take it for a pointer to that
     * block. Written once, under the heap's lock, before the first block exists; read at any time
     * by relaxed_load. */
    uintptr_t minus_start;
    /* In units of 16 bytes. Written under the heap's lock, read at any time by relaxed_load: a
     * thread that has a pointer into the heap has seen, with the pointer, a window that contains
     * it. */
    uintptr_t length;
};

extern struct region_window brkm__region_window BRKM_HIDDEN;

/* True when `address` lies in the window and a payload can lie there. */
static inline bool regions_window_contains(const void *address)
{
    uintptr_t offset = (uintptr_t)address + relaxed_load(brkm__region_window.minus_start);
    /* The rotation brings the bits of a misaligned address to the top: one comparison for both. */
    uintptr_t units = offset >> 4 | offset << (8 * sizeof(offset) - 4);
    return units < relaxed_load(brkm__region_window.length);
}

/* True when a payload can lie at `address`: aligned and inside a region. Takes no lock. */
bool brkm__regions_contain_payload(const void *address);

/* The same where it mostly lies in the window. */
static inline bool regions_contain_payload(const void *address)
{
    return likely(regions_window_contains(address)) || brkm__regions_contain_payload(address);
}

/* The region that `address`, of whatever alignment, lies in; NULL where it lies in none, or in a
 * gap between two. Takes no lock. */
struct region *brkm__regions_around(uintptr_t address);

/* True when `address` lies in a region. Takes no lock; for the slow way. */
static inline bool regions_contain(const void *address)
{
    return brkm__regions_around((uintptr_t)address) != NULL;
}

/* True when one more region can be noted. */
bool brkm__regions_have_room(void);

/* Notes a new region; NULL when BRKM_REGION_COUNT are in use. */
struct region *brkm__regions_add(enum region_kind kind, uintptr_t start, uintptr_t end,
                                 struct mem_control_block *first);

/* The end of a break region moved. */
void brkm__regions_move_end(struct region *region, uintptr_t end);

void brkm__regions_remove(struct region *region);

/* Steps through all regions that are not abandoned: NULL gives the first, the last gives NULL. */
struct region *brkm__regions_next(const struct region *region);

/* ---- Fallback regions; the heap's lock is held ---- */

/* Maps a region that can hold a block of `size` bytes, `wanted` bytes large if the system has as
 * much. Returns its first block, which spans it and is free by its header, but in no bin; NULL when
 * there is no memory. */
struct mem_control_block *brkm__regions_map(size_t size, size_t wanted);

/* True when the free `block` spans a whole fallback region. Ends the program when its header says
 * that it begins one, and that is not so. */
bool brkm__regions_is_whole(const struct mem_control_block *block);

/* `pages`, which are clean, are about to be used. Returns the bytes of those that nobody used
 * before: fresh from the system, not given back to it. */
size_t brkm__regions_first_use(struct page_range pages);

/* Unmaps the region that the free `block`, which is in no bin any more, spans. */
void brkm__regions_unmap(const struct mem_control_block *block);

/* Bytes of the fallback region that `block` spans: the first header is 8 mod 16, which leaves 8
 * bytes before it; the fencepost takes 8 after. */
static inline size_t regions_spanned_bytes(const struct mem_control_block *block)
{
    return block_size(block) + 2 * BRKM_HEADER_SIZE;
}

/* ---- Abandoned regions ---- */

/* True when the address lies in an abandoned region. */
static inline bool regions_is_abandoned(const void *address)
{
    const struct region *region = brkm__regions_around((uintptr_t)address);
    return region != NULL && region->kind == REGION_ABANDONED;
}

#endif
