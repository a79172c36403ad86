/* SPDX-License-Identifier: MIT
 * Fallback regions and chunks that are free as a whole: how many of them a heap keeps, so that a
 * program that allocates and frees at the edge of one does not get and lose it each time. The
 * heap's lock is held by the caller. */
#ifndef BRKMALLOC_HEAP_SPARE_H
#define BRKMALLOC_HEAP_SPARE_H

#include "heap/free_space.h"

/* `block`, free and in its bin, begins a region or chunk: when it spans that, one may go. */
void brkm__spare_look(struct heap *heap, struct mem_control_block *block);

/* Gives back the fallback region that is kept, if there is one, and all chunks that are free as a
 * whole. Returns the bytes that the system got. */
size_t brkm__spare_return(struct heap *heap);

#endif
