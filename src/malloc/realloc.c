/* SPDX-License-Identifier: MIT
 * Realloc and reallocarray: a block stays as it is, is resized where it stands, or moves.
 */
#include <errno.h>
#include <string.h>

#include "base/valgrind.h"
#include "cache/supply.h"
#include "heap/block.h"
#include "heap/heaps.h"
#include "heap/mapped.h"
#include "kit/options.h"
#include "malloc/foreign.h"
#include "malloc/malloc.h"
#include "malloc/perturb.h"
#include "malloc/place.h"
#include "malloc/verify.h"
#include "malloc/watcher.h"

/* What to ask for when a block moves: a block that grows in small steps will grow again, and gets
 * an eighth more so that the next steps need no copy. One that grows by much, as a vector that
 * doubles, brings its own room. */
static size_t size_with_room_to_grow(size_t size, size_t old_size)
{
    bool in_small_steps = size > old_size && size - old_size <= old_size / 4;
    size_t roomy = size + size / 8;
    return in_small_steps && size <= BRKM_ROOM_TO_GROW_MAX && !brkm__serve_wants_mapping(roomy)
               ? roomy
               : size;
}

static void *move(void *memory, struct held held, size_t size, struct sample_weight weight)
{
    size_t room = size_with_room_to_grow(size, held.usable_size);
    void *moved = brkm__watch_serve(size, room, BRKM_ALIGNMENT, weight).memory;
    if (moved == NULL) {
        return NULL;
    }
    annotate_allocated(moved, size, true);
    memcpy(moved, memory, min_size(size, held.usable_size));
    annotate_forgotten(memory, held.usable_size);
    brkm__watch_release(memory, held, "realloc");
    return moved;
}

/* The share of a block (1/4) by which it may be larger than needed before a realloc moves or cuts
 * it: less would cost a copy for each few bytes by which a string is shortened. Blocks that no
 * cache takes are cut where they stand, and may be larger by what a block gets to grow into. */
#define SHRINK_KEEPS_SHARE 4
#define SHRINK_KEEPS_SHARE_LARGE 8

/* True when the block can stay as it is: large enough, and not too large. */
static bool can_stay(size_t old_block, size_t new_block)
{
    size_t share = old_block <= BRKM_CACHED_MAX ? SHRINK_KEEPS_SHARE : SHRINK_KEEPS_SHARE_LARGE;
    size_t largest = new_block + new_block / share;
    return new_block <= old_block && old_block <= largest;
}

/* Before a block grows by memory from the system, as before a new one does. */
static void relieve_growth(size_t old_size, size_t new_size)
{
    if (new_size > old_size) {
        brkm__supply_relieve(new_size - old_size);
    }
}

/* True when what lies behind the block, seen without the heap's lock, leaves it no room to grow to
 * `size` bytes: most blocks stand between others, and need not take the lock to learn that. What is
 * seen while it changes looks damaged, and the heap looks again. */
static inline bool is_hemmed_in(const struct mem_control_block *block, size_t old_size, size_t size)
{
    const struct mem_control_block *next = block_at_offset(block, old_size);
    enum block_state state = block_state(next);
    return state == BLOCK_FREE
               ? old_size + block_short_size(next) < size
               : block_state_is_in_use(state) || state == BLOCK_CACHED || state == BLOCK_CHUNK_EDGE;
}

static bool resize_in_heap(void *memory, size_t size)
{
    struct mem_control_block *block = block_from_payload(memory);
    size_t old_block = block_short_size(block);
    size_t new_block = size <= BRKM_HEAP_REQUEST_MAX ? block_size_for_request(size) : SIZE_MAX;
    if (can_stay(old_block, new_block)) {
        return true;
    }
    /* Small blocks stand in runs of their own kind, where there is no room to grow into. */
    if (new_block == SIZE_MAX || max_size(old_block, new_block) <= BRKM_CACHED_EXACT_MAX) {
        return false;
    }
    if (new_block > old_block && is_hemmed_in(block, old_block, new_block)) {
        return false;
    }
    relieve_growth(old_block, new_block);
    return brkm__heaps_resize(block, new_block, "realloc");
}

/* A mapped block that is to be small had better move, if it can. */
static void *resize_mapped(void *memory, size_t old_size, size_t size, bool cannot_move)
{
    if (size < brkm__option_get(OPTION_mapped_threshold) / 2 && !cannot_move) {
        return NULL;
    }
    relieve_growth(old_size, size);
    return brkm__mapped_resize(memory, size);
}

/* A place of a row has no header by which it could be noted, and never changes its size. */
static bool can_stay_in_row(size_t place, size_t size, bool noted, bool cannot_move)
{
    return size <= place && (cannot_move || (!noted && can_stay(place, size)));
}

/* Without a copy; NULL when that does not go. */
static void *resize_in_place(void *memory, struct held held, size_t size,
                             struct sample_weight weight, bool cannot_move)
{
    const struct watcher *watcher = watcher_get();
    void *resized;
    if (unlikely(held.origin == ORIGIN_ROW)) {
        return can_stay_in_row(held.usable_size, size, weight.bytes != 0, cannot_move) ? memory
                                                                                       : NULL;
    }
    if (unlikely(watcher != NULL) && watcher->has(held)) {
        resized = watcher->resize(memory, held, size, weight.bytes != 0) ? memory : NULL;
    } else if (held.origin == ORIGIN_HEAP) {
        resized = resize_in_heap(memory, size) ? memory : NULL;
    } else {
        resized = resize_mapped(memory, held.usable_size, size, cannot_move);
    }
    if (resized != NULL) {
        brkm__watch_note(resized, held, weight);
        annotate_allocated(resized, size, true);
    }
    return resized;
}

static void *resize(void *memory, struct held held, size_t size)
{
    struct sample_weight weight = {0, 0};
    if (watch_wants(size)) {
        weight = brkm__watch_weigh(size);
    }
    const struct held before = held;
    struct note note = brkm__watch_take_note(memory, &held);
    void *resized = resize_in_place(memory, held, size, weight, false);
    if (resized == NULL) {
        resized = move(memory, held, size, weight);
    }
    if (unlikely(resized == NULL)) {
        resized = resize_in_place(memory, held, size, weight, true);
    }
    if (unlikely(resized == NULL)) {
        brkm__watch_put_back(memory, before, note);
    }
    return resized;
}

/* What a block gained by growing. */
static void perturb_gained(void *memory, size_t old_usable)
{
    size_t usable = brkm__verify_in_use(memory, "realloc").usable_size;
    if (usable > old_usable) {
        brkm__perturb_new((char *)memory + old_usable, usable - old_usable);
    }
}

BRKM_ENTRY_OF(realloc) BRKM_NOINLINE static void *realloc_other(void *memory, size_t size)
{
    struct held held = brkm__verify_in_use(memory, "realloc");
    if (unlikely(held.origin == ORIGIN_FOREIGN)) {
        return brkm__foreign_realloc(memory, size);
    }
    if (size == 0) {
        annotate_freed(memory);
        brkm__watch_release(memory, held, "realloc");
        return NULL;
    }
    if (unlikely(size > PTRDIFF_MAX)) {
        return brkm__alloc_fail(size);
    }
    annotate_suspended(memory, held.usable_size);
    if (size < held.usable_size) {
        annotate_forgotten((char *)memory + size, held.usable_size - size);
    }
    void *resized = resize(memory, held, size);
    if (unlikely(resized == NULL)) {
        annotate_allocated(memory, held.usable_size, true);
        return brkm__alloc_fail(size);
    }
    if (unlikely(brkm__perturb_is_on())) {
        perturb_gained(resized, held.usable_size);
    }
    return resized;
}

/* ---- The fast path ---- */

/* Bytes. Up to so many are copied rather than that a block is resized in the heap, under its lock,
 * if the thread's cache has a block of the new size: that takes as long. */
#define COPIED_MAX (4 * BRKM_KIB)

/* A medium block that grows may find room behind it, and will grow again: the heap is asked first,
 * or a program of many vectors needs a twentieth more pages. */
static inline bool may_grow_in_place(const struct mem_control_block *block, size_t old_block,
                                     size_t size)
{
    return size > old_block && old_block > BRKM_CACHED_EXACT_MAX &&
           !is_hemmed_in(block, old_block, block_size_for_request(size));
}

/* Moves a block that was verified; NULL when another way is better. */
static BRKM_ALWAYS_INLINE void *move_cached(void *memory, size_t old_block, size_t size)
{
    size_t usable = old_block - BRKM_HEADER_SIZE;
    size_t copied = min_size(size, usable);
    size_t room = size_with_room_to_grow(size, usable);
    if (copied > COPIED_MAX || may_grow_in_place(block_from_payload(memory), old_block, size) ||
        room > BRKM_CACHED_MAX - BRKM_HEADER_SIZE) {
        return NULL;
    }
    bool is_small = max_size(old_block, block_size_for_request(size)) <= BRKM_CACHED_EXACT_MAX;
    void *moved = is_small ? brkm__serve_cached(room) : brkm__serve_hit(room);
    if (likely(moved != NULL)) {
        memcpy(moved, memory, copied);
        brkm__serve_free_cached(block_from_payload(memory), old_block);
    }
    return moved;
}

BRKM_ENTRY_OF(realloc) BRKM_NOINLINE static void *realloc_nothing(size_t size)
{
    void *memory = alloc_malloc(size);
    BRKM_KEEP_FRAME();
    return memory;
}

BRKM_ENTRY_OF(realloc) void *brkm_realloc(void *memory, size_t size)
{
    if (memory == NULL) {
        return realloc_nothing(size);
    }
    size_t old_block;
    if (!BRKM_VALGRIND && likely(size - 1 < BRKM_CACHED_MAX - BRKM_HEADER_SIZE) &&
        likely(!cache_malloc_is_watched()) && likely(verify_plain(memory, &old_block))) {
        if (can_stay(old_block, block_size_for_request(size))) {
            return memory;
        }
        void *moved = move_cached(memory, old_block, size);
        if (likely(moved != NULL)) {
            return moved;
        }
    }
    return realloc_other(memory, size);
}

BRKM_ENTRY_OF(realloc) void *brkm_reallocarray(void *memory, size_t count, size_t size)
{
    size_t total;
    if (unlikely(__builtin_mul_overflow(count, size, &total))) {
        return brkm__alloc_fail(SIZE_MAX);
    }
    return brkm_realloc(memory, total);
}
