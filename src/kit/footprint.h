/* SPDX-License-Identifier: MIT
 * The account of all memory that the system gave: the break, fallback regions, mapped
 * blocks and the table of these. Keeps it below the hard limit (option limit_hard), and says when
 * the soft one (limit_soft) is passed. Takes no lock; each number is exact by itself. */
#ifndef BRKMALLOC_KIT_FOOTPRINT_H
#define BRKMALLOC_KIT_FOOTPRINT_H

#include "base/base.h"

/* ---- Memory on the account: os.h's functions, which see there ---- */

/* NULL also past the hard limit. */
void *brkm__footprint_map(size_t size);
void *brkm__footprint_map_between_guards(size_t size);
bool brkm__footprint_unmap(void *start, size_t size);
void *brkm__footprint_remap(void *start, size_t old_size, size_t new_size);

/* Gives pages back and keeps their addresses. */
bool brkm__footprint_discard(void *start, size_t size);

/* Unmaps for good. Where the kernel has no room to split a mapping, the pages go and the addresses
 * are given up. */
void brkm__footprint_abandon(void *start, size_t size);

/* For the break: before it is raised, takes `bytes` on the account; false past the hard limit.
 * Afterwards says whether it was; and when it was lowered by `bytes`, by us or by others. */
bool brkm__footprint_reserve(size_t bytes);
void brkm__footprint_settle(size_t bytes, bool obtained);
void brkm__footprint_release(size_t bytes);

/* ---- Limits ---- */

/* How much to ask for when `needed` bytes are and `wanted` would be convenient: near the soft limit
 * convenience ends. */
size_t brkm__footprint_moderate(size_t needed, size_t wanted);

/* True when `more` bytes would pass the soft limit, or pass it by a 16th more than when this was
 * last true: free memory is then to be given back first. */
bool brkm__footprint_wants_relief(size_t more);

/* A request failed. Says so on standard error, once in a process, where the hard limit is the
 * reason. Not under a lock. */
void brkm__footprint_note_failure(size_t request);

/* ---- Statistics ---- */

struct footprint_totals {
    size_t bytes;
    size_t peak;
    uint64_t peak_time; /* milliseconds from the first memory to the peak */
    uint64_t age;       /* milliseconds since the first memory */
    size_t refused;     /* times that the hard limit was met */
    size_t relieved;    /* times that free memory was given back because of the soft limit */
    size_t purges;      /* times that pages inside the heap were given back, and their bytes */
    uint64_t purged_bytes;
};

struct footprint_totals brkm__footprint_totals(void);

#endif
