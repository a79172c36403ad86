/* SPDX-License-Identifier: MIT
 * A picture of the heap: what lies where, as runs of bytes of one kind in each region. */
#ifndef BRKMALLOC_STATS_HEAP_MAP_H
#define BRKMALLOC_STATS_HEAP_MAP_H

#include "base/base.h"
#include "base/config.h"

/* X(kind, word): what bytes can be. */
#define BRKM_RUN_KINDS(X)                                                \
    X(USED, "used")         /* blocks that the program holds */          \
    X(CACHED, "cached")     /* blocks in thread caches and the depot */  \
    X(FREE, "free")         /* free and resident */                      \
    X(PURGED, "purged")     /* free, and the pages were given back */    \
    X(TOP, "top")           /* of the heap's end, written to */          \
    X(RESERVED, "reserved") /* of the heap's end, never touched since */ \
    X(DAMAGED, "damaged")   /* cannot be read, since a header is destroyed */

enum run_kind {
#define BRKM_RUN_NAME(kind, word) RUN_##kind,
    BRKM_RUN_KINDS(BRKM_RUN_NAME)
#undef BRKM_RUN_NAME
        RUN_KINDS
};

extern const char *const brkm__run_words[RUN_KINDS];

/* Neighbours of one kind. */
struct heap_run {
    size_t bytes;
    uint32_t blocks; /* that begin in it */
    uint32_t kind;   /* enum run_kind */
};

struct heap_map_region {
    bool is_break; /* otherwise mapped where sbrk failed */
    uintptr_t start;
    size_t bytes[RUN_KINDS];
    size_t largest_free; /* bytes of the largest free block */
    size_t first_run;
    size_t runs;
};

/* Runs that a map holds; the sums are complete when there are more. 4 MiB. */
#define HEAP_MAP_RUNS (1 << 18)

struct heap_map {
    size_t regions_used;
    size_t runs_used;
    size_t runs_left_out;
    struct heap_map_region regions[BRKM_REGION_COUNT];
    struct heap_run runs[HEAP_MAP_RUNS];
};

/* The heap at one moment, under its lock. NULL when there is no memory for it. */
struct heap_map *brkm__heap_map_make(void);
void brkm__heap_map_free(struct heap_map *map);

#endif
