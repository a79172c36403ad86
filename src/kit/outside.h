/* SPDX-License-Identifier: MIT
 * Memory that the program's blocks lie in outside of the heap's regions and of mapped blocks:
 * guarded blocks, the pages and areas of the kernel's family. Whoever hands it out says here how it
 * is told of; the picture of the heap asks all of them. */
#ifndef BRKMALLOC_KIT_OUTSIDE_H
#define BRKMALLOC_KIT_OUTSIDE_H

#include "base/base.h"

/* X(kind, word) */
#define BRKM_AREA_KINDS(X)                                        \
    X(MAPPED, "mapped")   /* a block with a mapping of its own */ \
    X(GUARDED, "guarded") /* a page with a guarded block */       \
    X(VMALLOC, "vmalloc") /* an area of vmalloc's */              \
    X(SECTION, "section") /* a range that pages are handed out of */

enum area_kind {
#define BRKM_AREA_NAME(kind, word) AREA_##kind,
    BRKM_AREA_KINDS(BRKM_AREA_NAME)
#undef BRKM_AREA_NAME
        AREA_KINDS
};

/* One block; or a section, whose runs follow. */
struct outside_area {
    uintptr_t start; /* of whole pages, without guards */
    size_t bytes;
    uintptr_t payload; /* 0 of a section */
    size_t usable;     /* bytes of it */
    size_t requested;  /* of these; 0 where that is not known */
    enum area_kind kind;
    bool is_retired; /* freed, but the addresses are kept */
};

/* What lies in a section, from its start to its end. */
enum outside_run {
    OUTSIDE_PAGES,   /* blocks of pages that the program has */
    OUTSIDE_OBJECTS, /* objects of slabs that the program has */
    OUTSIDE_CACHED,  /* pages or objects that threads keep */
    OUTSIDE_FREE,    /* free and resident */
    OUTSIDE_PURGED,  /* free, and never touched or given back */
    OUTSIDE_DAMAGED, /* a slab whose cache's record is destroyed */
};

/* Blocks of one size that begin side by side; without any, what is left over. */
struct outside_blocks {
    enum outside_run kind;
    size_t bytes;
    size_t count;
    bool is_noted; /* one, which the recorder may know */
};

/* Who is told. `area` and `run` may be called under a lock, in which nothing may take time:
 * `prepare` comes before, with the number of calls that may follow. */
struct outside_listener {
    void (*prepare)(void *context, size_t areas, size_t runs);
    void (*area)(void *context, const struct outside_area *area);
    /* Of the area told last. */
    void (*run)(void *context, const struct outside_blocks *blocks);
    void *context;
};

/* Tells of all there is, with no lock held for longer than a fraction of a millisecond. */
struct outside_source {
    void (*tell)(const struct outside_listener *listener);
    struct outside_source *next; /* written by brkm__outside_add */
};

/* For good. Takes no lock; each source once. */
void brkm__outside_add(struct outside_source *source);

void brkm__outside_tell(const struct outside_listener *listener);

#endif
