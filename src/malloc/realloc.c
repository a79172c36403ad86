/* SPDX-License-Identifier: MIT
 * Realloc and reallocarray: a block stays as it is, is resized where it stands, or moves.
 */
#include <errno.h>
#include <string.h>

#include "base/valgrind.h"
#include "cache/supply.h"
#include "guard/hardened.h"
#include "guard/watch.h"
#include "heap/block.h"
#include "heap/heap.h"
#include "heap/mapped.h"
#include "kit/options.h"
#include "malloc/foreign.h"
#include "malloc/malloc.h"
#include "malloc/perturb.h"
#include "malloc/place.h"
#include "malloc/verify.h"
#include "profile/sampled.h"

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

/* Into the block at `moved`, if it is not NULL. */
static void *move_to(void *moved, void *memory, struct held held, size_t size)
{
    if (moved == NULL) {
        return NULL;
    }
    annotate_allocated(moved, size, true);
    memcpy(moved, memory, min_size(size, held.usable_size));
    annotate_forgotten(memory, held.usable_size);
    brkm__alloc_take_back(memory, held, "realloc");
    return moved;
}

/* The new block is an ordinary one: whether it is to be a sample is the caller's to know. */
static void *move(void *memory, struct held held, size_t size)
{
    void *moved = brkm__serve(size_with_room_to_grow(size, held.usable_size)).memory;
    return move_to(moved, memory, held, size);
}

static void *move_watched(void *memory, struct held held, size_t size)
{
    size_t room = size_with_room_to_grow(size, held.usable_size);
    void *moved = brkm__alloc_serve_watched(size, room, BRKM_ALIGNMENT).memory;
    return move_to(moved, memory, held, size);
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

static void *resize_in_heap(void *memory, struct held held, size_t size)
{
    struct mem_control_block *block = block_from_payload(memory);
    size_t old_block = block_short_size(block);
    size_t new_block = size <= BRKM_HEAP_REQUEST_MAX ? block_size_for_request(size) : SIZE_MAX;
    bool stays = can_stay(old_block, new_block);
    /* Small blocks stand in runs of their own kind, where there is no room to grow into. */
    if (!stays && new_block != SIZE_MAX && max_size(old_block, new_block) > BRKM_CACHED_EXACT_MAX) {
        relieve_growth(old_block, new_block);
        stays = brkm__heap_resize(&brkm__main_heap, block, new_block, "realloc");
    }
    if (stays) {
        annotate_allocated(memory, size, true);
        return memory;
    }
    return move(memory, held, size);
}

static void *resize_mapped(void *memory, struct held held, size_t size)
{
    if (size < brkm__option_get(OPTION_mapped_threshold) / 2) {
        void *moved = move(memory, held, size);
        if (moved != NULL) {
            return moved;
        }
    }
    relieve_growth(held.usable_size, size);
    void *resized = brkm__mapped_resize(memory, size);
    if (resized == NULL) {
        return move(memory, held, size);
    }
    annotate_allocated(resized, size, true);
    return resized;
}

static void *resize_watched(void *memory, struct held held, size_t size)
{
    if (!brkm__hardened_resize(memory, held, size)) {
        return move_watched(memory, held, size);
    }
    annotate_allocated(memory, size, true);
    return memory;
}

static void *resize_plain(void *memory, struct held held, size_t size)
{
    return held.origin == ORIGIN_HEAP ? resize_in_heap(memory, held, size)
                                      : resize_mapped(memory, held, size);
}

/* A block that was a sample, or becomes one. */
static void *resize_sampled(void *memory, struct held held, size_t size, bool wanted)
{
    struct resample resample = brkm__resample_begin(memory, &held, size, wanted);
    size_t room = brkm__resample_room(&resample, size);
    if (held.usable_size > size) {
        /* What a move copies for the trailer's sake. */
        annotate_readable((char *)memory + size, min_size(room, held.usable_size) - size);
    }
    void *resized = resize_plain(memory, held, room);
    if (unlikely(resized == NULL)) {
        brkm__resample_cancel(memory, &resample);
        return NULL;
    }
    annotate_suspended(resized, room);
    brkm__resample_end(resized, &resample);
    annotate_allocated(resized, size, true);
    return resized;
}

static void *resize(void *memory, struct held held, size_t size)
{
    if (unlikely(watch_is_on())) {
        struct allocated guarded;
        if (brkm__hardened_has(held)) {
            return resize_watched(memory, held, size);
        }
        if (brkm__hardened_serve(size, size, BRKM_ALIGNMENT, &guarded)) {
            return move_to(guarded.memory, memory, held, size);
        }
    }
    bool wanted = watch_wants(size);
    if (unlikely(wanted || held.is_watched)) {
        return resize_sampled(memory, held, size, wanted);
    }
    return resize_plain(memory, held, size);
}

/* What a block gained by growing. */
static void perturb_gained(void *memory, size_t old_usable)
{
    size_t usable = brkm__verify_in_use(memory, "realloc").usable_size;
    if (usable > old_usable) {
        brkm__perturb_new((char *)memory + old_usable, usable - old_usable);
    }
}

BRKM_ENTRY void *brkm_realloc(void *memory, size_t size)
{
    if (memory == NULL) {
        return alloc_malloc(size);
    }
    struct held held = brkm__verify_in_use(memory, "realloc");
    if (unlikely(held.origin == ORIGIN_FOREIGN)) {
        return brkm__foreign_realloc(memory, size);
    }
    if (size == 0) {
        annotate_freed(memory);
        brkm__alloc_take_back(memory, held, "realloc");
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

BRKM_ENTRY void *brkm_reallocarray(void *memory, size_t count, size_t size)
{
    size_t total;
    if (unlikely(__builtin_mul_overflow(count, size, &total))) {
        return brkm__alloc_fail(SIZE_MAX);
    }
    return brkm_realloc(memory, total);
}
