/* SPDX-License-Identifier: MIT
 * Filling of new and of freed memory, mallopt's M_PERTURB, which shows a program that
 * reads what it must not; and a search for what it wrote there. While the option is 0 nothing
 * happens here, and while it is not the thread caches are closed (brkm__cache_close), so that no
 * call passes this by on the fast path. */
#ifndef BRKMALLOC_MALLOC_PERTURB_H
#define BRKMALLOC_MALLOC_PERTURB_H

#include "base/base.h"
#include "heap/block.h"

/* True when memory is filled. */
bool brkm__perturb_is_on(void);

/* Fills memory that the program is about to get. */
void brkm__perturb_new(void *start, size_t size);

/* Fills memory that the program has freed. */
void brkm__perturb_freed(void *start, size_t size);

/* ---- Freed blocks ---- */

/* Takes a block that was freed, of a size that caches keep. The last PERTURB_PLACES of them wait
 * here, filled, until they are used again or others follow: then every byte is verified. */
#define PERTURB_PLACES 64
void brkm__perturb_keep(struct mem_control_block *block);

/* A block of that size that waits, as if it were new; NULL when there is none. */
struct mem_control_block *brkm__perturb_take(size_t size, size_t alignment);

/* All that wait go back to the heap. False when there were none. */
bool brkm__perturb_drain(void);

/* Bytes of blocks that wait, headers included, and blocks. A moment old. */
struct perturb_totals {
    size_t bytes;
    size_t blocks;
};
struct perturb_totals brkm__perturb_totals(void);

#endif
