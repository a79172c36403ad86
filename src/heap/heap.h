/* SPDX-License-Identifier: MIT
 * A heap: its free space under one lock.
 *
 * Blocks go in and out by their headers. What comes in was verified by the caller as in use; what
 * the heap meets on the way (neighbours, links, tags) it verifies itself. Every function takes the
 * heap's lock. */
#ifndef BRKMALLOC_HEAP_HEAP_H
#define BRKMALLOC_HEAP_HEAP_H

#include "base/base.h"
#include "heap/block.h"
#include "heap/find.h"
#include "heap/free_space.h"
#include "heap/sealed_list.h"

/* A block in use of at least `size` bytes, a block size; NULL when memory is short. When `dirty` is
 * not NULL, stores how many bytes at the start of the payload may be other than zero. */
struct mem_control_block *brkm__heap_allocate(struct heap *heap, size_t size,
                                              enum heap_growth growth, size_t *dirty);

/* The same with the payload aligned to `alignment`, a power of two above 16. The slack before and
 * behind goes back to the heap. */
struct mem_control_block *brkm__heap_allocate_aligned(struct heap *heap, size_t size,
                                                      size_t alignment, enum heap_growth growth);

/* A list of up to `count` cached blocks of at least `size` bytes, neighbours where that is
 * possible. With an `alignment` above 16 they are one row whose first payload is aligned. */
struct cached_list brkm__heap_allocate_list(struct heap *heap, size_t size, unsigned count,
                                            size_t alignment, enum heap_growth growth);

/* Frees every block of a list that is the heap's own. Returns the others. */
struct cached_list brkm__heap_free_list(struct heap *heap, struct cached_list list);

/* Frees a block: coalesces it with free neighbours or the top. `caller` goes into messages. */
void brkm__heap_free(struct heap *heap, struct mem_control_block *block, const char *caller);

/* Makes a block in use `size` bytes large where it stands: shrinks by splitting, grows into a free
 * neighbour or the top. False: there is no room, nothing changed. */
bool brkm__heap_resize(struct heap *heap, struct mem_control_block *block, size_t size,
                       const char *caller);

/* Gives back the top but for `pad` bytes, fallback regions that are free as a whole, and whole
 * pages inside free blocks. Returns how many bytes went back. */
size_t brkm__heap_trim(struct heap *heap, size_t pad);

/* A side heap gives the chunk that is free as a whole back to the main heap. */
void brkm__heap_return_chunks(struct heap *heap);

/* ---- For the thread that gives memory back later (decay.h) ---- */

struct heap_look {
    uint64_t calls; /* blocks that went out or came in, so far */
    size_t dirty;   /* bytes of free pages that are resident */
    bool regretted; /* what was given back lately was asked for again */
};

struct heap_look brkm__heap_look(struct heap *heap);

/* Gives back what a quiet program does not need, see brkm__space_decay. *finished is false when
 * that ended early. */
size_t brkm__heap_decay(struct heap *heap, size_t keep, bool *finished);

/* Tells the system of all memory of the heap that there is, as the option thp says. */
void brkm__heap_advise(struct heap *heap);

#endif
