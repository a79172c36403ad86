/* SPDX-License-Identifier: MIT
 * Judging the pointers that a program hands in. */
#ifndef BRKMALLOC_MALLOC_VERIFY_H
#define BRKMALLOC_MALLOC_VERIFY_H

#include "base/base.h"
#include "base/config.h"
#include "heap/block.h"
#include "heap/regions.h"
#include "kit/report.h"

/* Where a block came from; ROW: it has no header (heap/rows.h); APART: from the watcher's own
 * memory (watcher.h). */
enum origin { ORIGIN_HEAP, ORIGIN_MAPPED, ORIGIN_ROW, ORIGIN_APART, ORIGIN_FOREIGN };

/* A block that was verified. */
struct held {
    size_t usable_size;
    uint8_t origin;  /* enum origin */
    bool is_exact;   /* the usable size is what was asked for */
    bool is_watched; /* by the watcher, although it lies among others */
    bool is_noted;   /* by the recorder */
};

_Static_assert(sizeof(struct held) == 16, "it is passed on in two registers");

/* Ends the program unless `memory` is the start of a block in use whose header, and the header
 * behind it, are as they were written; or foreign, where that is accepted (see foreign.h). Reads
 * nothing at an address that is not ours. `caller` is the public function, for the message. */
struct held brkm__verify_in_use(const void *memory, const char *caller);

/* True when `memory` is the start of a block of the heap of a cached size that is in use, which
 * nobody watches, and all is verified that brkm__verify_in_use verifies; stores the block's size.
 * False says nothing. Price: 24 instructions on x86-64. */
static BRKM_ALWAYS_INLINE bool verify_plain(const void *memory, size_t *size)
{
    if (unlikely(!regions_contain_payload(memory))) {
        return false;
    }
    const struct mem_control_block *block = block_from_payload(memory);
    *size = block_short_size(block);
    uint32_t seal = block_small_seal_for(block, *size, BLOCK_IN_USE);
    return *size <= BRKM_CACHED_MAX && block_is_sound(block, *size, seal) &&
           !block_is_known_free(block, *size);
}

/* What the function `caller` does with a block that was freed before. */
enum fault brkm__verify_fault_of_freed(const char *caller);

#endif
