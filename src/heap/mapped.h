/* SPDX-License-Identifier: MIT
 * Mapped blocks, each a mapping of its own.
 *
 * Their places and sizes are kept in a table outside of them, so that no stray write can change
 * what is unmapped, and so that an address can be judged without reading it. Takes its own lock. */
#ifndef BRKMALLOC_HEAP_MAPPED_H
#define BRKMALLOC_HEAP_MAPPED_H

#include "base/base.h"
#include "heap/block.h"
#include "kit/lock.h"

/* What is known of an address. */
enum mapped_lookup { MAPPED_IN_USE, MAPPED_FREED, MAPPED_UNKNOWN };

struct mapped_totals {
    size_t count;
    size_t bytes;        /* of whole mappings */
    size_t usable_bytes; /* of these, what programs may use */
    size_t bytes_peak;
    size_t retired;     /* mappings that were freed and keep their addresses; in no other sum */
    size_t allocations; /* ever made */
    size_t table_bytes; /* of the table's own mapping */
    uint64_t contended; /* lock acquisitions that found the lock taken */
};

/* True while fewer blocks are mapped than the option mapped_count_max says. Beyond that they come
 * from the heap where it can serve them. */
bool brkm__mapped_is_wanted(void);

/* A block of at least `size` usable bytes, all zero, its payload aligned to `alignment` (a power of
 * two). NULL when the system has no room. */
void *brkm__mapped_allocate(size_t size, size_t alignment);

/* Whether a mapped block begins at `payload`. When it does and `usable_size` is not NULL, stores
 * the block's usable bytes. Reads nothing at `payload`. */
enum mapped_lookup brkm__mapped_find(const void *payload, size_t *usable_size);

/* False when something wrote in front of the header of the block in use at `payload`, which is
 * known where the option guard_pages was on when it was allocated. */
bool brkm__mapped_front_is_whole(const void *payload);

/* Frees the block at `payload` but keeps its addresses: its pages go back, and touching them
 * faults. brkm__mapped_free then ends it. `requested` bytes are remembered as its size. Returns the
 * mapping's size; 0 when no block is in use there. */
size_t brkm__mapped_retire(void *payload, size_t requested);

/* The block in whose mapping, guards included, an address lies. */
struct mapped_place {
    const void *payload;
    size_t size; /* usable bytes; of a retired block those that were requested */
    bool has_guards;
    bool is_retired;
};

/* Looks through all blocks; false when there is none, or when the table is locked for long: for the
 * explanation of a fault, which may have come at any point. */
bool brkm__mapped_around(const void *address, struct mapped_place *place);

/* True when `address` lies in the mapping of any mapped block. Looks at all of them. */
bool brkm__mapped_contains(const void *address);

/* Unmaps the block at `payload` and returns its usable size; 0 when there was none. */
size_t brkm__mapped_free(void *payload);

/* Changes the size, moving the pages if need be, and keeps the contents. NULL: nothing changed. */
void *brkm__mapped_resize(void *payload, size_t size);

/* Calls `visit` for each block in use, with no lock held. Only while there is one thread. */
void brkm__mapped_visit(void (*visit)(void *payload));

/* Places of the table that a look takes at a time: some 0.1 ms where each costs the processor's
 * caches a miss. */
#define MAPPED_LOOK_PLACES 4096u

/* A look at all mappings. All zero at first. */
struct mapped_look {
    const void *table; /* that was looked at; another came where it was not the whole */
    size_t place;      /* the next of it */
    unsigned begun;    /* how often the look began, each time with another table */
};

struct mapped_sight {
    uintptr_t start; /* of the mapping, without guards */
    size_t bytes;
    struct mapped_place place;
};

/* Calls `see`, with the lock held, for those in the next places. False after the last. Where
 * `begun` is another afterwards, nothing was seen and what was seen before is void: as at first. */
bool brkm__mapped_look(struct mapped_look *look,
                       void (*see)(void *context, const struct mapped_sight *sight), void *context);

struct mapped_totals brkm__mapped_totals(void);

/* The same for a caller who holds the lock. */
struct mapped_totals brkm__mapped_totals_locked(void);

/* Taken by fork, and by the statistics, which then also take the heap's. */
extern struct lock brkm__mapped_lock;

#endif
