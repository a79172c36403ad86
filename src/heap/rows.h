/* SPDX-License-Identifier: MIT
 * Rows: places without headers, for requests that are multiples of their alignment. A header in
 * front of each would take one alignment more.
 *
 *   header with BLOCK_ROW       a place: one, two or three times the alignment
 *   +--------+---------+---------+-- ... --+---------+--- next header
 *   |        | place 0 | place 1 |         |         |
 *   +--------+---------+---------+-- ... --+---------+---
 *
 * A row is a block of the heap. Which of its places are free is recorded apart, between guards, and
 * found by the address: what lies in front of a place is somebody else's bytes. Such bytes pass for
 * the header of a block in use, as free's fast path wants it, by a chance of 2^-48.
 *
 * Takes its own lock, and no other meanwhile: blocks come from the caller, and go back to it. */
#ifndef BRKMALLOC_HEAP_ROWS_H
#define BRKMALLOC_HEAP_ROWS_H

#include "base/base.h"
#include "base/config.h"
#include "heap/block.h"
#include "kit/lock.h"

/* What is known of an address. */
enum row_lookup {
    ROW_UNKNOWN,  /* in no row */
    ROW_IN_USE,   /* the start of a place that the program has */
    ROW_FREED,    /* the start of one that it has not */
    ROW_INSIDE,   /* neither */
    ROW_UNDERRUN, /* the start of the first place in use, in front of which the header is damaged */
    ROW_OVERRUN,  /* the start of the last, behind which the next header is */
};

struct row_totals {
    size_t rows;
    size_t places; /* in use */
    size_t bytes;  /* of these */
    size_t free_places;
    size_t free_bytes; /* of the rows' blocks, but for places in use */
    size_t own_bytes;  /* from the system, for the records */
};

/* What there is of one row. */
struct row_use {
    size_t size; /* of a place */
    size_t places, free_places;
};

extern struct lock brkm__rows_lock BRKM_HIDDEN;

/* True where a header would make one alignment more of the request, and more than a quarter. */
static inline bool rows_want(size_t alignment, size_t size)
{
    size_t beyond = size & (alignment - 1);
    return alignment >= BRKM_ROW_ALIGNMENT_MIN && alignment <= BRKM_ROW_ALIGNMENT_MAX &&
           size != 0 && size <= BRKM_ROW_MULTIPLES * alignment &&
           (beyond == 0 || beyond > alignment - BRKM_HEADER_SIZE);
}

/* A place for a request that rows want; NULL when there is none free. */
void *brkm__rows_take(size_t alignment, size_t size);

/* Bytes that the next row of such places shall have. */
size_t brkm__rows_next_bytes(size_t alignment, size_t size);

/* Makes a row of `block`, in use and aligned, and takes its first place. NULL: memory for the
 * record is short, and the block is as it was. */
void *brkm__rows_begin(struct mem_control_block *block, size_t alignment, size_t size);

/* Stores the bytes of the place that begins at `memory`, or that it is in. */
enum row_lookup brkm__rows_find(const void *memory, size_t *size);

/* Frees the place at `memory`; false, and nothing happened, unless brkm__rows_find would find one
 * in use. In *empty a block that is no row any more and in use, for the heap; or NULL. One empty
 * row is kept. */
bool brkm__rows_free(void *memory, struct mem_control_block **empty);

/* The row that is kept although it is empty, as a block for the heap; NULL when there is none. */
struct mem_control_block *brkm__rows_give_empty(void);

struct row_totals brkm__rows_totals(void);

/* The row that the block with BLOCK_ROW is; the lock is held. */
struct row_use brkm__rows_use_locked(const struct mem_control_block *block);

/* In the child of a bare fork whose lock is orphaned: what is in the table is right, lists and
 * counts are made anew. */
void brkm__rows_settle(void);

#endif
