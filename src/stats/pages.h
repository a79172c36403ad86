/* SPDX-License-Identifier: MIT
 * What lies on a page of the heap, and who keeps it from going back. A page that holds blocks, in
 * use or cached, and free bytes besides is pinned by those blocks: were all of them elsewhere, the
 * page could go. Each has a share in the free bytes, by its bytes on the page, so that the shares
 * of all add up. */
#ifndef BRKMALLOC_STATS_PAGES_H
#define BRKMALLOC_STATS_PAGES_H

#include "base/base.h"
#include "heap/walk.h"

struct page_use {
    uintptr_t start, end;
    size_t idle;  /* bytes of free blocks and the top */
    size_t held;  /* bytes of other blocks */
    bool is_edge; /* of its region, or not readable to its end: does not go back in any case */
};

/* A page of `region`, with nothing on it so far. */
static inline struct page_use page_use_begin(const struct region *region, uintptr_t start,
                                             size_t page)
{
    return (struct page_use){.start = start,
                             .end = start + page,
                             .is_edge = start < region->start || start + page > region->end};
}

/* Bytes from `start` to `end` that lie on the page. */
static inline size_t page_use_common(const struct page_use *use, uintptr_t start, uintptr_t end)
{
    start = max_size(start, use->start);
    end = min_size(end, use->end);
    return start < end ? end - start : 0;
}

/* Where the block that a walk is at ends; the top ends with its region. */
static inline uintptr_t walk_block_end(const struct walk *at)
{
    return at->state == BLOCK_TOP ? (uintptr_t)at->region->end : (uintptr_t)at->block + at->size;
}

/* Counts the part of a block that lies on the page; returns its bytes. */
static inline size_t page_use_add(struct page_use *use, const struct walk *at)
{
    size_t bytes = page_use_common(use, (uintptr_t)at->block, walk_block_end(at));
    bool is_idle = at->state == BLOCK_FREE || at->state == BLOCK_TOP;
    use->is_edge |= at->state == BLOCK_FENCEPOST || at->state == BLOCK_DAMAGED;
    *(is_idle ? &use->idle : &use->held) += bytes;
    return bytes;
}

/* The free bytes of the page that whoever has `bytes` of it pins; of a page that is seen whole. */
static inline size_t page_use_share(const struct page_use *use, size_t bytes)
{
    return use->is_edge || use->held == 0 ? 0 : use->idle * bytes / use->held;
}

#endif
