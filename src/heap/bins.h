/* SPDX-License-Identifier: MIT
 * The free blocks of a heap, in one list per size class, and the map of the bins that are
 * not empty. No lock and no system call: the heap's lock is held by the caller. */
#ifndef BRKMALLOC_HEAP_BINS_H
#define BRKMALLOC_HEAP_BINS_H

#include "base/base.h"
#include "base/config.h"
#include "heap/block.h"

#define BINS_WORD_BITS 64
#define BINS_WORDS (BRKM_BIN_COUNT / BINS_WORD_BITS)

/* All zero is an empty set of bins. */
struct bins {
    /* Bit w is set when words[w] is not 0. */
    uint32_t summary;
    /* Bit b of word w is set when bin w * 64 + b is not empty. */
    uint64_t words[BINS_WORDS];
    struct free_block *heads[BRKM_BIN_COUNT];
    size_t blocks; /* in all lists */
    /* In all lists. Who chooses between heaps reads it without the lock, relaxed. */
    size_t bytes;
    size_t dirty; /* bytes of whole pages inside them that were not given back */
};

/* Puts a free block of `size` bytes, whose header and boundary tag are written, into its bin: in
 * front, or behind the first block when that has the lower address, so that low addresses tend to
 * be used first. */
void brkm__bins_insert(struct bins *bins, struct mem_control_block *block, size_t size);

/* Takes a given block of `size` bytes out. Ends the program where its links were overwritten. */
void brkm__bins_remove(struct bins *bins, struct mem_control_block *block, size_t size);

/* Takes out the best fitting of the blocks that a bounded search sees; NULL when none is as large
 * as `size`. */
struct mem_control_block *brkm__bins_take(struct bins *bins, size_t size);

/* Takes out a block that has room for `size` bytes at an aligned place; NULL when a bounded search
 * sees none. `alignment` is a power of two above 16. */
struct mem_control_block *brkm__bins_take_aligned(struct bins *bins, size_t size, size_t alignment);

/* Steps through the blocks of a bin: NULL gives the first, the last gives NULL. Ends the program
 * where a link was overwritten. */
struct free_block *brkm__bins_step(const struct bins *bins, unsigned bin,
                                   const struct free_block *block);

/* Pages inside a block in the bins, of `size` bytes, that were not given back so far now are. */
void brkm__bins_note_purged(struct bins *bins, struct mem_control_block *block, size_t size,
                            struct page_range clean);

/* The first bin at or above `bin` that is not empty; BRKM_BIN_COUNT when there is none. */
unsigned brkm__bins_next_used(const struct bins *bins, unsigned bin);

#endif
