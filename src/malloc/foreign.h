/* SPDX-License-Identifier: MIT
 * Memory of other allocators that comes in, as the option `foreign` says: a library that
 * was loaded with RTLD_DEEPBIND allocates from libc, and its caller frees with us. The caller has
 * judged that the address cannot be ours. Takes no lock. */
#ifndef BRKMALLOC_MALLOC_FOREIGN_H
#define BRKMALLOC_MALLOC_FOREIGN_H

#include "base/base.h"

/* A family of allocators beside malloc whose memory malloc's functions take: code that was written
 * for shims over malloc mixes the two. */
struct neighbour_figures {
    size_t from_system; /* bytes: what follows, and what is between */
    size_t objects, object_bytes;
    size_t page_bytes; /* blocks of pages */
    size_t areas, area_bytes;
    size_t cached; /* objects and pages at hand for the next request */
    size_t free;   /* pages */
    size_t own_bytes;
    size_t slab_caches;
};

struct neighbour {
    /* True for an address in its memory, be it in use or not. Takes no lock that others wait for.
     */
    bool (*has)(const void *memory);
    /* Judge what they get; `caller` is the public function, for the message. */
    void (*free)(void *memory, const char *caller);
    void *(*realloc)(void *memory, size_t size);
    size_t (*usable_size)(const void *memory);
    void (*count)(struct neighbour_figures *figures);
    /* Blocks are recorded from now on (watcher.h), or no longer. */
    void (*watch)(bool on);
};

/* NULL without. Written once, by a constructor (relaxed_load). */
extern const struct neighbour *brkm__neighbour BRKM_HIDDEN;

static inline bool neighbour_has(const void *memory)
{
    const struct neighbour *neighbour = relaxed_load(brkm__neighbour);
    return neighbour != NULL && neighbour->has(memory);
}

/* True when foreign pointers do not end the program. */
bool brkm__foreign_is_accepted(void);

/* Looks up the functions that foreign pointers go to, if they do: from the constructor, where no
 * lock of the program's can be held, and otherwise when the first pointer comes. */
void brkm__foreign_prepare(void);

/* With foreign:forward, libraries that are loaded with RTLD_DEEPBIND later find our functions that
 * free and resize in the place of libc's: what libc allocates for them is ours. For the
 * constructor. */
void brkm__foreign_take_over(void);

/* The neighbour's functions where it has the address. Else what libc's functions of these names do,
 * or nothing where there are none: free has no effect, realloc fails with ENOMEM and leaves the
 * block as it is, its usable size is 0. `caller` is the public function, for the warning. */
void brkm__foreign_free(void *memory, const char *caller);
void *brkm__foreign_realloc(void *memory, size_t size);
size_t brkm__foreign_usable_size(void *memory);

#endif
