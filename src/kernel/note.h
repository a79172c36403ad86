/* SPDX-License-Identifier: MIT
 * What the recorder (malloc/watcher.h) notes of the family: requests that may wait, since a note
 * takes a lock. What was noted says so in its state; its end is noted without waiting, or left to
 * whoever comes next. */
#ifndef BRKMALLOC_KERNEL_NOTE_H
#define BRKMALLOC_KERNEL_NOTE_H

#include "kernel/gfp.h"
#include "malloc/watcher.h"

/* True when an allocation of `size` bytes is to be noted; *weight is what it stands for. Asked once
 * for each. */
bool brkm__kernel_note_wants(size_t size, brkm_gfp_t flags, struct sample_weight *weight);

/* Of memory that nobody else has. */
void brkm__kernel_note(const void *memory, struct sample_weight weight);

/* Of memory that nobody has any more. The first never waits, and may fail. */
static inline bool kernel_try_forget(const void *memory)
{
    return relaxed_load(brkm__recorder)->try_forget(memory);
}

static inline void kernel_forget(const void *memory)
{
    relaxed_load(brkm__recorder)->forget(memory);
}

/* ---- Call sites of what leaks ---- */

#define SITES_TOLD 8u

struct site {
    void *stack; /* the recorder's */
    size_t objects;
};

struct sites {
    size_t count;
    struct site at[SITES_TOLD];
    size_t others; /* objects of further stacks, or that were not noted */
};

void brkm__sites_add(struct sites *sites, const void *object, bool is_noted);

/* Writes them to standard error, a line for each frame. */
void brkm__sites_tell(const struct sites *sites);

#endif
