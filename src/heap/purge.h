/* SPDX-License-Identifier: MIT
 * Giving back pages that lie inside free memory of the heap. The heap's lock is held by
 * the caller.
 *
 * A program that frees a lot and then makes no further call shall shrink, so pages go back at once,
 * as soon as more lies free than what the policy allows beside what is in use. Where purged pages
 * are asked for again, each costs a page fault: those are counted, the count fades with time, and
 * while it is high as much stays as was asked for again. So a program that cycles memory pays a
 * bounded part of its time, whatever it does. */
#ifndef BRKMALLOC_HEAP_PURGE_H
#define BRKMALLOC_HEAP_PURGE_H

#include "base/base.h"
#include "base/config.h"
#include "heap/bins.h"
#include "heap/top.h"

struct heap;

#define PURGE_PARTS 256

/* All zero is a good beginning. Written under the heap's lock. */
struct purge {
    size_t regretted;  /* bytes that were purged and asked for again, as of faded_at */
    uint64_t faded_at; /* milliseconds, when regretted was last made less */
    unsigned pause;    /* looks to skip, since the last one could do nothing */
    unsigned refusals; /* looks in a row in which the system refused to take pages */
    /* How many 256ths of what may lie free are for other heaps: as much as of what is in use was
     * theirs at the last look. */
    unsigned others;
};

/* The heap's part of a bound that is for all heaps. */
static inline size_t purge_part(const struct purge *purge, size_t bytes)
{
    return bytes - bytes / PURGE_PARTS * purge->others;
}

/* Bytes of free pages that are not given back. */
static inline size_t purge_dirty(const struct bins *bins, const struct top *top)
{
    return bins->dirty + top_dirty(top);
}

/* `bytes` that had been given back are used again. */
void brkm__purge_regret(struct purge *purge, size_t bytes);

/* True while giving back what was asked for again would cost more than it is worth. */
bool brkm__purge_is_regretted(struct purge *purge);

/* Bytes of free pages that may stay resident beside `in_use` bytes: a share of those, and what was
 * asked for again lately, up to another share. */
static inline size_t purge_allows_beside(const struct purge *purge, size_t in_use)
{
    return in_use / BRKM_DIRTY_SHARE + min_size(purge->regretted, in_use / BRKM_REGRET_SHARE);
}

/* Called when more free pages are resident than purge_allows_beside: gives pages back where they
 * are too many. */
void brkm__purge_look(struct heap *heap);

/* Bytes of free pages that stay resident even in a program that is quiet; SIZE_MAX where an option
 * says that no page goes back. */
size_t brkm__purge_keeps(void);

/* True when no more bytes of free pages are resident than stay so in a quiet program. */
bool brkm__purge_is_within(const struct heap *heap);

/* Wakes whoever sleeps until pages are free that can be given back later (decay.h), if there are.
 */
BRKM_COLD void brkm__purge_wake(const struct heap *heap);

/* Gives pages back, those of the top and of the largest blocks first, until no more than `keep`
 * bytes of free pages are resident, whatever is regretted. Ends early when somebody waits for the
 * heap's lock. Returns the bytes. */
size_t brkm__purge_down_to(struct heap *heap, size_t keep);

/* Gives back every whole page of free blocks, and of the top too where that is wanted. Returns the
 * bytes. */
size_t brkm__purge_all(struct heap *heap, bool with_top);

#endif
