/* SPDX-License-Identifier: MIT
 * Which bin holds which block sizes. Pure functions.
 *
 * Powers of two, each cut into equal steps: 16 bytes up to BRKM_EXACT_LIMIT, so that those bins
 * hold one size each, then 16 steps for each doubling. The scheme of two-level segregated fit
 * (Masmano, Ripoll, Crespo and Real, "TLSF", ECRTS 2004). */
#ifndef BRKMALLOC_HEAP_SIZE_CLASS_H
#define BRKMALLOC_HEAP_SIZE_CLASS_H

#include "base/base.h"
#include "base/config.h"

#define SIZE_CLASS_SUBDIVISIONS ((size_t)1 << BRKM_SUBDIVISION_BITS)
#define SIZE_CLASS_EXACT_COUNT ((BRKM_EXACT_LIMIT - BRKM_MIN_BLOCK) / BRKM_ALIGNMENT + 1)

/* The bin for blocks of `size` bytes; `size` is a multiple of 16, at least BRKM_MIN_BLOCK. */
static inline unsigned size_class_bin(size_t size)
{
    if (size <= BRKM_EXACT_LIMIT) {
        return (unsigned)((size - BRKM_MIN_BLOCK) / BRKM_ALIGNMENT);
    }
    unsigned power = log2_floor(size);
    size_t step = size >> (power - BRKM_SUBDIVISION_BITS) & (SIZE_CLASS_SUBDIVISIONS - 1);
    size_t doubling = power - log2_floor(BRKM_EXACT_LIMIT);
    size_t bin = SIZE_CLASS_EXACT_COUNT + doubling * SIZE_CLASS_SUBDIVISIONS + step;
    return (unsigned)min_size(bin, BRKM_BIN_COUNT - 1);
}

/* True when every block of the bin has the same size. */
static inline bool size_class_is_exact(unsigned bin)
{
    return bin < SIZE_CLASS_EXACT_COUNT;
}

/* The smallest block size that belongs into `bin`. */
static inline size_t size_class_lower_bound(unsigned bin)
{
    if (size_class_is_exact(bin)) {
        return BRKM_MIN_BLOCK + bin * BRKM_ALIGNMENT;
    }
    size_t rest = bin - SIZE_CLASS_EXACT_COUNT;
    size_t doubling = rest / SIZE_CLASS_SUBDIVISIONS;
    size_t step = rest % SIZE_CLASS_SUBDIVISIONS;
    size_t bound = (BRKM_EXACT_LIMIT + step * (BRKM_EXACT_LIMIT / SIZE_CLASS_SUBDIVISIONS))
                   << doubling;
    /* The first subdivided bin begins behind the exact ones. */
    return bin == SIZE_CLASS_EXACT_COUNT ? BRKM_EXACT_LIMIT + BRKM_ALIGNMENT : bound;
}

/* ---- Cached sizes ----
 *
 * Slot s of a thread cache holds blocks of one size: s * 16 up to BRKM_CACHED_EXACT_MAX, then
 * (16..31) * 2^k. Slots 0 and 1 stay empty: no block is that small. */

#define SIZE_CLASS_EXACT_SLOTS (BRKM_CACHED_EXACT_MAX / BRKM_ALIGNMENT + 1)

/* Of the power of two at which the subdivided slots begin. */
#define SIZE_CLASS_FIRST_POWER 11

_Static_assert(BRKM_CACHED_EXACT_MAX + BRKM_ALIGNMENT == (size_t)1 << SIZE_CLASS_FIRST_POWER,
               "the subdivided slots follow the exact ones");

/* A medium slot, one above the exact ones, and the size of its blocks. */
struct medium_slot {
    unsigned slot;
    size_t size;
};

/* Medium slots for each doubling, and the least size of one in steps. */
#define SIZE_CLASS_MEDIUM_STEPS (1u << BRKM_MEDIUM_BITS)

static inline unsigned size_class_medium_shift(size_t size)
{
    return log2_floor(size) - BRKM_MEDIUM_BITS;
}

/* `steps` (SIZE_CLASS_MEDIUM_STEPS or more, at most twice that) of 1 << shift bytes. */
static inline struct medium_slot size_class_medium_slot(size_t steps, unsigned shift)
{
    unsigned first = (unsigned)SIZE_CLASS_EXACT_SLOTS -
                     SIZE_CLASS_MEDIUM_STEPS * (SIZE_CLASS_FIRST_POWER - BRKM_MEDIUM_BITS + 1);
    return (struct medium_slot){first + SIZE_CLASS_MEDIUM_STEPS * shift + (unsigned)steps,
                                steps << shift};
}

/* The medium slot whose blocks are at most, and the one whose blocks are at least `size` bytes,
 * which lies between BRKM_CACHED_EXACT_MAX and BRKM_CACHED_MAX. */
static inline struct medium_slot size_class_medium_below(size_t size)
{
    unsigned shift = size_class_medium_shift(size);
    return size_class_medium_slot(size >> shift, shift);
}

static inline struct medium_slot size_class_medium_above(size_t size)
{
    unsigned shift = size_class_medium_shift(size - 1);
    return size_class_medium_slot(((size - 1) >> shift) + 1, shift);
}

/* The latter for a request of `size` bytes: rounding up to a block's size changes nothing, as steps
 * are whole multiples of 16. */
static inline struct medium_slot size_class_medium_for(size_t size)
{
    return size_class_medium_above(size + BRKM_HEADER_SIZE);
}

/* The slot whose blocks are at most `size` bytes: where a block of any cached size is kept. */
static inline unsigned size_class_slot_below(size_t size)
{
    return size > BRKM_CACHED_EXACT_MAX ? size_class_medium_below(size).slot
                                        : (unsigned)(size / BRKM_ALIGNMENT);
}

/* The slot whose blocks are at least `size` bytes; `size` is a block size up to BRKM_CACHED_MAX. */
static inline unsigned size_class_slot(size_t size)
{
    return size > BRKM_CACHED_EXACT_MAX ? size_class_medium_above(size).slot
                                        : (unsigned)(size / BRKM_ALIGNMENT);
}

/* The block size of a slot. */
static inline size_t size_class_slot_size(unsigned slot)
{
    if (slot < SIZE_CLASS_EXACT_SLOTS) {
        return slot * BRKM_ALIGNMENT;
    }
    unsigned rest = slot - (unsigned)SIZE_CLASS_EXACT_SLOTS;
    unsigned steps = SIZE_CLASS_MEDIUM_STEPS + rest % SIZE_CLASS_MEDIUM_STEPS;
    return (size_t)steps << (SIZE_CLASS_FIRST_POWER - BRKM_MEDIUM_BITS +
                             rest / SIZE_CLASS_MEDIUM_STEPS);
}

/* The exact slots, the medium ones up to BRKM_CACHED_MAX, and that size's own. */
#define SIZE_CLASS_SLOTS \
    ((unsigned)SIZE_CLASS_EXACT_SLOTS + SIZE_CLASS_MEDIUM_STEPS * (16 - SIZE_CLASS_FIRST_POWER) + 1)

_Static_assert(BRKM_CACHED_MAX == (size_t)1 << 16, "the subdivided slots end with this size");

/* Blocks of medium slots move one by one, and pass the depot by: there is nothing to share the
 * price of a lock with, and in the heap the block can serve any size. */
static inline bool size_class_is_medium(unsigned slot)
{
    return slot >= SIZE_CLASS_EXACT_SLOTS;
}

/* Blocks of a slot that move at a time. */
static inline unsigned size_class_batch(unsigned slot)
{
    if (size_class_is_medium(slot)) {
        return 1;
    }
    unsigned units = (unsigned)max_size(slot, BRKM_MIN_BLOCK / BRKM_ALIGNMENT);
    return (unsigned)min_size(BRKM_BATCH_BYTES / BRKM_ALIGNMENT / units, BRKM_BATCH_BLOCKS);
}

#endif
