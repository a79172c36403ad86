/* SPDX-License-Identifier: MIT
 * A picture of the heap: what lies where, as runs of bytes of one kind in each region; or as single
 * blocks, with the call sites of those that the heap profile knows. And of what lies outside of the
 * regions: mapped and guarded blocks, the memory of the kernel's family. */
#ifndef BRKMALLOC_STATS_HEAP_MAP_H
#define BRKMALLOC_STATS_HEAP_MAP_H

#include "base/base.h"
#include "base/config.h"
#include "kit/outside.h"
#include "kit/text.h"

/* X(kind, word): what bytes can be. */
#define BRKM_RUN_KINDS(X)                                                            \
    X(USED, "used")         /* blocks that the program holds */                      \
    X(CACHED, "cached")     /* blocks in thread caches and the depot */              \
    X(FREE, "free")         /* free and resident */                                  \
    X(PURGED, "purged")     /* free, and the pages were given back */                \
    X(TOP, "top")           /* of the heap's end, written to */                      \
    X(RESERVED, "reserved") /* of the heap's end, never touched since */             \
    X(DAMAGED, "damaged")   /* cannot be read, since a header is destroyed */        \
    X(PAGES, "pages")       /* of a section: blocks of pages that the program has */ \
    X(OBJECTS, "objects")   /* of a section: objects of slabs that it has */

enum run_kind {
#define BRKM_RUN_NAME(kind, word) RUN_##kind,
    BRKM_RUN_KINDS(BRKM_RUN_NAME)
#undef BRKM_RUN_NAME
        RUN_KINDS
};

/* Those of regions come first. */
#define RUN_KINDS_OF_REGIONS RUN_PAGES

extern const char *const brkm__run_words[RUN_KINDS];

/* Neighbours of one kind, or a block or a part of one. */
struct heap_run {
    size_t bytes;
    uint32_t blocks; /* that begin in it */
    uint16_t site;   /* 1 and its place in `sites`; 0 where that is not known */
    uint8_t kind;    /* enum run_kind */
    bool is_noted;   /* a block that the heap profile may know */
};

struct heap_map_region {
    bool is_break;        /* otherwise mapped where sbrk failed */
    uintptr_t start, end; /* of its runs */
    size_t bytes[RUN_KINDS_OF_REGIONS];
    size_t largest_free; /* bytes of the largest free block */
    size_t first_run;
    size_t runs;
};

struct heap_map_area {
    struct outside_area told;
    size_t resident; /* bytes; SIZE_MAX where that is not known */
    size_t first_run;
    uint32_t runs; /* of a section */
    uint16_t site; /* as of a run */
};

/* Areas that a map holds: mapped_count_max at first, and others. 11 MiB. */
#define HEAP_MAP_AREAS (1 << 17)

/* Runs that a map holds; the sums are complete when there are more. 4 MiB, and 16 MiB. */
#define HEAP_MAP_RUNS (1 << 18)
#define HEAP_MAP_BLOCKS (1 << 20)

/* Call sites that a map tells apart, a power of two. */
#define HEAP_MAP_SITES (1 << 12)

enum heap_map_detail { HEAP_MAP_BY_RUNS, HEAP_MAP_BY_BLOCKS };

struct heap_map {
    enum heap_map_detail detail;
    size_t capacity; /* of `runs` */
    size_t regions_used;
    size_t runs_used;
    size_t runs_left_out;
    const void *sites[HEAP_MAP_SITES]; /* a hash table of stacks, which stay; NULL: free */
    struct heap_map_region regions[BRKM_REGION_COUNT];
    struct heap_map_area *areas; /* a mapping of its own */
    size_t areas_used;
    size_t areas_left_out;
    bool has_area; /* the one told last is among them */
    struct heap_run runs[];
};

/* By a walk in slices (slices.h): the runs of a region stand side by side, but what was allocated
 * and freed meanwhile is in it as it was before or after. NULL when there is no memory for it. */
struct heap_map *brkm__heap_map_make(enum heap_map_detail detail);
void brkm__heap_map_free(struct heap_map *map);

/* Touches the pages that so many further runs are written to: the system does not hand them out
 * while something is locked. */
void brkm__heap_map_prepare(struct heap_map *map, size_t runs);

/* The number of a call site; 0 when there are too many. */
uint16_t brkm__heap_map_site(struct heap_map *map, const void *stack);

/* As JSON: docs/control.md, "A snapshot". */
void brkm__heap_map_write(struct writer *writer, const struct heap_map *map);

#endif
