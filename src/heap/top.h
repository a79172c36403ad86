/* SPDX-License-Identifier: MIT
 * The top, the block that borders the break: growth by sbrk, foreign breaks, trimming.
 * The heap's lock is held by the caller.
 *
 * Other code of the process may move the break too. The break is therefore read again each time;
 * where it is not at the top's end any more, the old region is closed with a fencepost and a new
 * one begins. */
#ifndef BRKMALLOC_HEAP_TOP_H
#define BRKMALLOC_HEAP_TOP_H

#include "base/base.h"
#include "heap/block.h"
#include "heap/regions.h"

/* All zero is a top that has not begun. Written under the heap's lock. */
struct top {
    struct mem_control_block *block; /* header of the top; NULL before the first growth */
    uintptr_t end;                   /* the break as we left it; a fencepost fits right before it */
    uintptr_t zero_from;             /* bytes of the top from here on were never written */
    uintptr_t purged_to;             /* bytes of the top below this were given back once */
    size_t refaulted;      /* bytes carved that had been given back; the reader clears it */
    struct region *region; /* the break region that the top is the last block of */
    size_t from_system;    /* bytes of break obtained and not given back */
    size_t from_system_peak;
    size_t grown;   /* times that the break was moved up, for statistics */
    size_t trimmed; /* times that it was moved down, and the bytes of all these times */
    uint64_t trimmed_bytes;
};

/* What growth left behind: the rest of the region before a foreign break, as a block that is in use
 * by nobody, to be freed by the caller; NULL in the usual case. */
struct top_growth {
    bool grown;
    struct mem_control_block *rest;
};

/* Bytes that brkm__top_carve can give at the moment. */
size_t brkm__top_available(const struct top *top);

/* Moves the break so that `size` bytes can be carved. `wanted` (at least `size`) is tried first. */
struct top_growth brkm__top_grow(struct top *top, size_t size, size_t wanted);

/* Cuts a block of `size` bytes, in use, off the top's low end; `size` must be available. Stores how
 * many bytes at the start of its payload may be other than zero. */
struct mem_control_block *brkm__top_carve(struct top *top, size_t size, size_t *dirty);

/* Extends the top downwards over `block`, which borders it. */
void brkm__top_absorb(struct top *top, struct mem_control_block *block);

/* Bytes of the top that were written to. */
static inline size_t top_dirty(const struct top *top)
{
    uintptr_t start = (uintptr_t)top->block + 2 * BRKM_HEADER_SIZE;
    return top->zero_from > start ? top->zero_from - start : 0;
}

/* Gives back the contents of whole units, pages or huge pages, that were written to, about `most`
 * bytes and the highest first; the break stays. Returns the bytes. */
size_t brkm__top_purge(struct top *top, size_t most, size_t unit);

/* Gives back whole units of the top but for `pad` bytes. Returns how many bytes went back. */
size_t brkm__top_trim(struct top *top, size_t pad, size_t unit);

#endif
