/* SPDX-License-Identifier: MIT
 * What the runs of one snapshot come to: used blocks by size, holes by size, and the free memory
 * that cannot go back since something in use lies on the same page. */
#ifndef REPORT_HEAP_TALLY_H
#define REPORT_HEAP_TALLY_H

#include <stdint.h>

#include "picture.h"

/* Sizes by powers of two: group k has those up to 2^k, group HEAP_SIZE_MIN_BITS all smaller ones.
 */
#define HEAP_SIZE_MIN_BITS 4
#define HEAP_SIZES 65

struct heap_amount {
    uint64_t bytes;
    uint64_t count;
};

/* What pins: used blocks by the mean size of their run, then the other kinds that are in use. */
enum { HEAP_PINS_CACHED = HEAP_SIZES, HEAP_PINS_DAMAGED, HEAP_PINS };

struct heap_tally {
    struct heap_amount used[HEAP_SIZES];  /* and what is live outside of the heap */
    struct heap_amount holes[HEAP_SIZES]; /* free and purged runs beside each other are one hole */
    struct heap_amount pins[HEAP_PINS];   /* free bytes on pages of blocks; the blocks */
    uint64_t largest_hole;
};

/* Tallies what the finished picture has at the moment. Pages have so many bytes, a power of two. */
void heap_tally_make(struct heap_tally *tally, const struct picture *picture, uint16_t moment,
                     uint64_t page_bytes);

/* The group of blocks with so many bytes in all. */
int heap_size_group(uint64_t bytes, uint64_t blocks);

#endif
