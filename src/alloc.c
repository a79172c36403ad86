/* SPDX-License-Identifier: MIT
 * Layer 15: the malloc family's semantics: zero sizes, limits, errno, alignment rules, resizing. */
#include "alloc.h"

#include <errno.h>
#include <string.h>

#include "annotate.h"
#include "block.h"
#include "depot.h"
#include "explain.h"
#include "foreign.h"
#include "hardened.h"
#include "heap.h"
#include "mapped.h"
#include "options.h"
#include "os.h"
#include "perturb.h"
#include "probes.h"
#include "report.h"
#include "sampled.h"
#include "thread_cache.h"
#include "trailer.h"
#include "verify.h"
#include "watch.h"

static void *out_of_memory(size_t size)
{
    errno = ENOMEM;
    probe_out_of_memory(size);
    return NULL;
}

/* The last step of every function that returns memory. */
static void *hand_out(void *memory, size_t size, bool zeroed)
{
    if (unlikely(memory == NULL)) {
        return out_of_memory(size);
    }
    brkm__perturb_new(memory, size);
    annotate_allocated(memory, size, zeroed);
    return memory;
}

/* ---- Watched or not ---- */

/* `room` bytes, at least `size`, are what the block may grow to. */
static struct allocated serve_watched(size_t size, size_t room, size_t alignment)
{
    struct allocated result;
    if (watch_is_on() && brkm__hardened_serve(size, room, alignment, &result)) {
        return result;
    }
    return brkm__sampled_serve(size, room, alignment);
}

static inline struct allocated serve(size_t size)
{
    return watch_wants(size) ? serve_watched(size, size, BRKM_ALIGNMENT) : brkm__serve(size);
}

static void *serve_aligned(size_t alignment, size_t size)
{
    return watch_wants(size) ? serve_watched(size, size, alignment).memory
                             : brkm__serve_aligned(alignment, size);
}

static void take_back(void *memory, struct held held, const char *caller)
{
    if (unlikely(watch_is_on()) && brkm__hardened_take_back(memory, held, caller)) {
        return;
    }
    if (unlikely(held.is_watched)) {
        brkm__sampled_take_back(memory, held, caller);
    } else {
        brkm__take_back(memory, held, caller);
    }
}

/* ---- Free ---- */

static void free_verified(void *memory, struct held held, const char *caller)
{
    if (unlikely(held.origin == ORIGIN_FOREIGN)) {
        brkm__foreign_free(memory, caller);
        return;
    }
    annotate_freed(memory);
    take_back(memory, held, caller);
}

static void free_for(void *memory, const char *caller)
{
    if (memory != NULL) {
        free_verified(memory, brkm__verify_in_use(memory, caller), caller);
    }
}

/* The largest usable size that a request of `size` bytes can have got: a block that was rounded to
 * its alignment, that realloc left as it was (can_stay) or gave room to grow; and a rest too small
 * to split off or to unmap. */
static size_t largest_usable(size_t size, enum origin origin)
{
    size_t block = block_size_for_request(size);
    if (origin == ORIGIN_HEAP && block <= BRKM_CACHED_MAX) {
        return 2 * block + BRKM_ALIGNMENT - BRKM_HEADER_SIZE;
    }
    size_t rest = origin == ORIGIN_HEAP ? 2 * BRKM_MIN_BLOCK : brkm__os_page_size();
    return block + block / 8 + rest;
}

static void free_sized_for(void *memory, size_t size, size_t alignment, const char *caller)
{
    if (memory == NULL) {
        return;
    }
    struct held held = brkm__verify_in_use(memory, caller);
    bool is_ours = held.origin != ORIGIN_FOREIGN;
    /* A sample has room for a trailer: its block may be larger, by as much. */
    bool is_exact = held_tells_request(held) && (!held.is_watched || watch_is_on());
    size_t room = held.is_watched ? size + TRAILER_SIZE : size;
    bool size_fits = is_exact ? size == held.usable_size
                              : size <= held.usable_size &&
                                    held.usable_size <= largest_usable(room, held.origin);
    bool is_aligned = is_power_of_two(alignment) && (uintptr_t)memory % alignment == 0;
    if (is_ours && (!size_fits || !is_aligned)) {
        brkm__explain_fatal(FAULT_SIZE_MISMATCH,
                            (struct fault_place){.address = memory,
                                                 .block_size = held.usable_size,
                                                 .caller = caller});
    }
    free_verified(memory, held, caller);
}

/* ---- The slow halves of malloc and free ---- */

/* Neither the thread's bin has a block, nor is this one watched. */
BRKM_ENTRY BRKM_NOINLINE static void *malloc_missed(size_t size)
{
    if (likely(size <= BRKM_CACHED_MAX - BRKM_HEADER_SIZE)) {
        void *memory = brkm__serve_cached(size);
        if (likely(memory != NULL)) {
            annotate_allocated(memory, size, false);
            return memory;
        }
    }
    return hand_out(brkm__serve(size).memory, size, false);
}

BRKM_ENTRY BRKM_NOINLINE static void *malloc_sampled_or_due(size_t size)
{
    return hand_out(serve_watched(size, size, BRKM_ALIGNMENT).memory, size, false);
}

BRKM_ENTRY BRKM_NOINLINE static void *malloc_watched(size_t size)
{
    void *memory = watch_is_on() ? brkm__hardened_malloc(size) : NULL;
    if (unlikely(memory == NULL)) {
        return malloc_sampled_or_due(size);
    }
    annotate_allocated(memory, size, false);
    return memory;
}

/* While blocks are sampled every malloc comes here, and nearly all leave with a hit. Calls stand
 * last, so that there is no frame to make. */
BRKM_ENTRY BRKM_NOINLINE void *brkm__malloc_slow(size_t size)
{
    void *memory;
    if (unlikely(!sampling_passes(size))) {
        return likely(!watch_is_any()) ? malloc_missed(size) : malloc_watched(size);
    }
    if (likely(size <= CACHE_HIT_MAX && malloc_hit(size, &memory))) {
        return memory;
    }
    return malloc_missed(size);
}

/* Apart, so that the function that ends in it has no frame to make. */
BRKM_ENTRY BRKM_NOINLINE static void free_other(void *memory)
{
    free_for(memory, "free");
}

/* In the hardened mode every free comes here. */
BRKM_ENTRY BRKM_NOINLINE void brkm__free_slow(void *memory)
{
    if (unlikely(watch_is_on()) && likely(brkm__hardened_free(memory))) {
        return;
    }
    if (likely(regions_contain_payload(memory))) {
        struct mem_control_block *block = block_from_payload(memory);
        size_t size = block_short_size(block);
        if (size <= BRKM_CACHED_MAX && block_is_sound(block, size)) {
            annotate_freed(memory);
            brkm__serve_free_cached(block, size);
            return;
        }
    }
    free_other(memory);
}

/* ---- Resize ---- */

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

static void *move(void *memory, struct held held, size_t size)
{
    size_t room = size_with_room_to_grow(size, held.usable_size);
    void *moved =
        watch_is_on() ? serve_watched(size, room, BRKM_ALIGNMENT).memory : brkm__serve(room).memory;
    if (moved == NULL) {
        return NULL;
    }
    annotate_allocated(moved, size, true);
    memcpy(moved, memory, min_size(size, held.usable_size));
    annotate_forgotten(memory, held.usable_size);
    take_back(memory, held, "realloc");
    return moved;
}

/* True when the block can stay as it is: large enough, and less than twice as large as needed,
 * which saves the move of a cached size; or by no more than a block gets to grow into. */
static bool can_stay(size_t old_block, size_t new_block)
{
    size_t largest = old_block <= BRKM_CACHED_MAX ? 2 * new_block - 1
                                                  : new_block + new_block / 8 + BRKM_MIN_BLOCK;
    return new_block <= old_block && old_block <= largest;
}

static void *resize_in_heap(void *memory, struct held held, size_t size)
{
    struct mem_control_block *block = block_from_payload(memory);
    size_t old_block = block_short_size(block);
    size_t new_block = size <= BRKM_HEAP_REQUEST_MAX ? block_size_for_request(size) : SIZE_MAX;
    bool stays = can_stay(old_block, new_block);
    /* Small blocks stand in runs of their own kind, where there is no room to grow into. */
    if (!stays && new_block != SIZE_MAX && max_size(old_block, new_block) > BRKM_CACHED_EXACT_MAX) {
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
        return move(memory, held, size);
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
    if (unlikely(watch_is_on()) && brkm__hardened_has(held)) {
        return resize_watched(memory, held, size);
    }
    bool wanted = watch_wants(size);
    if (unlikely(wanted || held.is_watched)) {
        return resize_sampled(memory, held, size, wanted);
    }
    return resize_plain(memory, held, size);
}

/* ---- The malloc family ---- */

BRKM_ENTRY void *brkm_malloc(size_t size)
{
    return alloc_malloc(size);
}

BRKM_ENTRY void brkm_free(void *memory)
{
    alloc_free(memory);
}

BRKM_ENTRY void brkm_cfree(void *memory)
{
    free_for(memory, "cfree");
}

BRKM_ENTRY void brkm_free_sized(void *memory, size_t size)
{
    free_sized_for(memory, size, 1, "free_sized");
}

BRKM_ENTRY void brkm_free_aligned_sized(void *memory, size_t alignment, size_t size)
{
    free_sized_for(memory, size, alignment, "free_aligned_sized");
}

BRKM_ENTRY void *brkm_calloc(size_t count, size_t size)
{
    size_t total;
    if (unlikely(__builtin_mul_overflow(count, size, &total))) {
        return out_of_memory(SIZE_MAX);
    }
    struct allocated result = serve(total);
    if (likely(result.memory != NULL)) {
        annotate_allocated(result.memory, total, true);
        memset(result.memory, 0, min_size(total, result.dirty));
        return result.memory;
    }
    return out_of_memory(total);
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
        return brkm_malloc(size);
    }
    struct held held = brkm__verify_in_use(memory, "realloc");
    if (unlikely(held.origin == ORIGIN_FOREIGN)) {
        return brkm__foreign_realloc(memory, size);
    }
    if (size == 0) {
        free_verified(memory, held, "realloc");
        return NULL;
    }
    if (unlikely(size > PTRDIFF_MAX)) {
        return out_of_memory(size);
    }
    annotate_suspended(memory, held.usable_size);
    if (size < held.usable_size) {
        annotate_forgotten((char *)memory + size, held.usable_size - size);
    }
    void *resized = resize(memory, held, size);
    if (unlikely(resized == NULL)) {
        annotate_allocated(memory, held.usable_size, true);
        return out_of_memory(size);
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
        return out_of_memory(SIZE_MAX);
    }
    return brkm_realloc(memory, total);
}

BRKM_ENTRY void *brkm_memalign(size_t alignment, size_t size)
{
    size_t rounded = power_of_two_above(alignment);
    if (unlikely(rounded == 0)) {
        errno = EINVAL;
        return NULL;
    }
    return hand_out(serve_aligned(rounded, size), size, false);
}

BRKM_ENTRY void *brkm_aligned_alloc(size_t alignment, size_t size)
{
    if (unlikely(!is_power_of_two(alignment))) {
        errno = EINVAL;
        return NULL;
    }
    return hand_out(serve_aligned(alignment, size), size, false);
}

BRKM_ENTRY int brkm_posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (unlikely(!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)) {
        return EINVAL;
    }
    void *aligned = hand_out(serve_aligned(alignment, size), size, false);
    if (unlikely(aligned == NULL)) {
        return ENOMEM;
    }
    *memory = aligned;
    return 0;
}

BRKM_ENTRY void *brkm_valloc(size_t size)
{
    return hand_out(serve_aligned(brkm__os_page_size(), size), size, false);
}

BRKM_ENTRY void *brkm_pvalloc(size_t size)
{
    size_t page = brkm__os_page_size();
    if (unlikely(size > PTRDIFF_MAX - page)) {
        return out_of_memory(size);
    }
    return brkm_valloc(align_up(max_size(size, 1), page));
}

BRKM_ENTRY size_t brkm_malloc_usable_size(void *memory)
{
    if (memory == NULL) {
        return 0;
    }
    struct held held = brkm__verify_in_use(memory, "malloc_usable_size");
    return likely(held.origin != ORIGIN_FOREIGN) ? held.usable_size
                                                 : brkm__foreign_usable_size(memory);
}

BRKM_ENTRY int brkm_malloc_trim(size_t pad)
{
    brkm__hardened_drain();
    brkm__cache_flush_all();
    brkm__depot_drain();
    return brkm__heap_trim(&brkm__main_heap, pad) != 0;
}
