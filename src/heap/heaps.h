/* SPDX-License-Identifier: MIT
 * All heaps of the process: the main heap, which has the break, and side heaps, which threads that
 * would wait for each other cut small and medium blocks from. Each has a lock, bins and coalescing
 * of its own; a side heap's memory is chunks that the main heap lends (chunks.h). A process whose
 * threads never met has the main heap alone.
 *
 * Locks: a side heap's first, the main heap's last; nobody holds those of two side heaps but who
 * holds all. */
#ifndef BRKMALLOC_HEAP_HEAPS_H
#define BRKMALLOC_HEAP_HEAPS_H

#include "base/base.h"
#include "heap/chunks.h"
#include "heap/heap.h"

/* Side heaps there are: begun, and never ended. Written under the main heap's lock, read at any
 * time: relaxed_load. */
extern unsigned brkm__side_heaps_used BRKM_HIDDEN;

/* 0 for the main heap; the others are counted from 1. */
static inline struct heap *heap_numbered(unsigned number)
{
    return likely(number == 0) ? &brkm__main_heap : &brkm__side_heaps[number - 1];
}

static inline unsigned heap_number(const struct heap *heap)
{
    return heap_is_side(heap) ? (unsigned)(heap - brkm__side_heaps) + 1 : 0;
}

/* The heap that a block belongs to. */
static BRKM_ALWAYS_INLINE struct heap *heap_of(const struct mem_control_block *block)
{
    return heap_numbered(chunk_heap_number(block_payload(block)));
}

/* Begins one more side heap; NULL when there are `most`. Under a lock that fork takes before those
 * of the heaps. */
struct heap *brkm__heaps_begin(unsigned most);

/* ---- Blocks, by the heap they belong to: see heap.h ---- */

void brkm__heaps_free(struct mem_control_block *block, const char *caller);
void brkm__heaps_free_list(struct cached_list list);
bool brkm__heaps_resize(struct mem_control_block *block, size_t size, const char *caller);

/* ---- All of them ---- */

/* Takes every lock, so that a walk sees all blocks at one moment; the main heap's is the last. */
void brkm__heaps_acquire(void);
void brkm__heaps_release(void);

/* For who holds them: true when somebody sleeps until one opens. */
bool brkm__heaps_are_awaited(void);

/* For checked builds, at the end of each operation on `heap`: false when a heap broke an invariant
 * by itself. Looks only while nobody holds a lock of the others. */
bool brkm__heaps_are_sound(struct heap *heap);

/* Chunks that are free as a whole go back to the main heap. */
void brkm__heaps_return_chunks(void);

/* As the functions of the same name in heap.h, for all heaps. */
size_t brkm__heaps_trim(size_t pad);
struct heap_look brkm__heaps_look(void);
size_t brkm__heaps_decay(size_t keep, bool *finished);

/* Sets the alarm, which rings at the next free that leaves more in a heap than its part of
 * brkm__purge_keeps to be given back. False when there is as much already, unless `anyway`. */
bool brkm__heaps_set_alarm(bool anyway);

/* What the counters of the heaps sum up to; the locks are held. */
struct heaps_totals {
    uint64_t allocations, frees, contended, taken;
    size_t in_use_bytes, in_use_blocks, in_use_peak;
    size_t free_bytes, free_blocks; /* in bins */
};

struct heaps_totals brkm__heaps_totals(void);

#endif
