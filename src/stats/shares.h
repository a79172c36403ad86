/* SPDX-License-Identifier: MIT
 * Where the memory of the process goes, and what keeps free bytes from going back: by a walk in
 * slices (slices.h), so each number is true of about now. */
#ifndef BRKMALLOC_STATS_SHARES_H
#define BRKMALLOC_STATS_SHARES_H

#include "base/base.h"
#include "base/config.h"
#include "stats/kept.h"

/* X(key, words): bytes. `resident` is the sum of those with a plus, less `untouched`. */
#define BRKM_SHARES(X)                                                                    \
    X(resident, "all that is resident, as the system counts it")                          \
    X(live, "+ payload of the blocks that the program has")                               \
    X(mapped, "+ payload of those with mappings of their own")                            \
    X(guarded, "+ payload of those alone on a page")                                      \
    X(kernel, "+ the kernel family's: objects, pages, areas, and what it keeps for them") \
    X(headers, "+ in front of blocks")                                                    \
    X(cached, "+ freed blocks, in caches for the next request")                           \
    X(free, "+ free, and not given back")                                                 \
    X(overhead, "+ the allocator's own: tables, ends of pages")                           \
    X(foreign, "+ not the allocator's: code, stacks, other mappings")                     \
    X(untouched, "- of all these, never written to or swapped out")                       \
    X(purged, "free and given back: not resident")                                        \
    X(reserved, "at the heap's end, never written to: not resident")                      \
    X(rounding, "of live, more than was asked for, as far as the heap profile tells")     \
    X(pinned, "of free: on pages that blocks are on, too")                                \
    X(pinned_by_caches, "of pinned: by blocks in caches")

struct shares {
#define BRKM_SHARE(key, words) uint64_t key;
    BRKM_SHARES(BRKM_SHARE)
#undef BRKM_SHARE
};

/* Blocks in use of one bin (size_class.h). */
struct class_share {
    uint64_t blocks, bytes, pinned;
};

/* A call stack of the heap profile; estimates by its samples (site_parts.h). */
struct site_share {
    const void *stack; /* NULL in an empty place */
    uint64_t samples;
    uint64_t block_parts; /* of SAMPLING_BLOCK */
    uint64_t bytes, pinned;
};

/* Stacks that are told apart, a power of two; those beyond are left out. */
#define SHARES_SITES 4096u

struct memory_shares {
    struct shares sum;
    struct kept kept;       /* the sum is sum.free */
    uint64_t pinning_pages; /* that have blocks and free bytes on them */
    struct class_share classes[BRKM_BIN_COUNT];
    bool has_sites; /* the heap profile has begun */
    size_t sites_left_out;
    struct site_share sites[SHARES_SITES];
};

/* NULL when there is no memory for it. */
struct memory_shares *brkm__shares_make(void);
void brkm__shares_free(struct memory_shares *shares);

#endif
