/* SPDX-License-Identifier: MIT
 * See malloc.h. Zero sizes, limits, errno, alignment rules; realloc has a file of its own.
 */
#include "malloc/malloc.h"

#include <errno.h>
#include <string.h>

#include "base/probes.h"
#include "base/valgrind.h"
#include "cache/cache_life.h"
#include "cache/depot.h"
#include "cache/medium.h"
#include "heap/block.h"
#include "heap/heaps.h"
#include "kit/footprint.h"
#include "kit/report.h"
#include "malloc/foreign.h"
#include "malloc/perturb.h"
#include "malloc/verify.h"
#include "malloc/watcher.h"
#include "system/os.h"
#include "system/os_start.h"

void *brkm__alloc_fail(size_t size)
{
    errno = ENOMEM;
    probe_out_of_memory(size);
    brkm__footprint_note_failure(size);
    return NULL;
}

/* ---- The start ---- */

/* The loader has relocated us and there is thread-local storage, perhaps without its contents.
 * Written by whoever allocates first, or several, the same: relaxed_load, relaxed_store. */
static bool is_begun;

/* libc fills thread-local storage after the resolvers of indirect functions ran. Until then it is
 * zero, and the thread gets no cache, which would be forgotten. */
BRKM_COLD static void begin(void)
{
    static const char text[] = "brkmalloc: memory asked for before the program is relocated\n";
    if (!brkm__os_is_loaded()) {
        brkm__os_end_unloaded(text, sizeof(text) - 1);
    }
    if (brkm__thread_cache == NULL) {
        brkm__thread_cache = &brkm__cache_after_exit;
    }
    relaxed_store(is_begun, true);
}

/* Once the constructor ran all is there. */
static inline void require_begun(void)
{
    if (unlikely(cache_malloc_is_watched() && !relaxed_load(is_begun))) {
        begin();
    }
}

/* The last step of every function that returns memory. */
static void *hand_out(void *memory, size_t size, bool zeroed)
{
    if (unlikely(memory == NULL)) {
        return brkm__alloc_fail(size);
    }
    brkm__perturb_new(memory, size);
    annotate_allocated(memory, size, zeroed);
    return memory;
}

/* ---- Watched or not ---- */

static struct allocated serve_watched(size_t size, size_t alignment)
{
    return brkm__watch_serve(size, size, alignment, brkm__watch_weigh(size));
}

static inline struct allocated serve(size_t size)
{
    require_begun();
    return watch_wants(size) ? serve_watched(size, BRKM_ALIGNMENT) : brkm__serve(size);
}

static void *serve_aligned(size_t alignment, size_t size)
{
    require_begun();
    if (watch_wants(size)) {
        return serve_watched(size, alignment).memory;
    }
    void *memory = brkm__serve_row(alignment, size);
    return memory != NULL ? memory : brkm__serve_aligned(alignment, size);
}

/* ---- Free ---- */

static void free_verified(void *memory, struct held held, const char *caller)
{
    if (unlikely(held.origin == ORIGIN_FOREIGN)) {
        brkm__foreign_free(memory, caller);
        return;
    }
    annotate_freed(memory);
    brkm__watch_release(memory, held, caller);
}

static void free_for(void *memory, const char *caller)
{
    if (memory != NULL) {
        free_verified(memory, brkm__verify_in_use(memory, caller), caller);
    }
}

/* The largest usable size that a request of `size` bytes can have got: a block that was rounded to
 * its alignment, that realloc left as it was or gave room to grow (realloc.c); and a rest too small
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
    bool size_fits = held.is_exact ? size == held.usable_size
                                   : size <= held.usable_size &&
                                         held.usable_size <= largest_usable(size, held.origin);
    bool is_aligned = is_power_of_two(alignment) && (uintptr_t)memory % alignment == 0;
    if (is_ours && (!size_fits || !is_aligned)) {
        brkm__fatal(FAULT_SIZE_MISMATCH, (struct fault_place){.address = memory,
                                                              .block_size = held.usable_size,
                                                              .caller = caller});
    }
    free_verified(memory, held, caller);
}

/* ---- The slow halves of malloc and free ---- */

/* Neither the thread's cache has a block, nor is this one watched. */
BRKM_ENTRY_OF(malloc) BRKM_NOINLINE static void *malloc_missed(size_t size)
{
    if (likely(size <= BRKM_CACHED_MAX - BRKM_HEADER_SIZE)) {
        void *memory = brkm__serve_missed(size);
        if (likely(memory != NULL)) {
            annotate_allocated(memory, size, false);
            return memory;
        }
    }
    return hand_out(brkm__serve(size).memory, size, false);
}

BRKM_ENTRY_OF(malloc) BRKM_NOINLINE static void *malloc_seen(size_t size)
{
    return hand_out(serve_watched(size, BRKM_ALIGNMENT).memory, size, false);
}

BRKM_ENTRY_OF(malloc)
BRKM_NOINLINE static void *malloc_watched(const struct watcher *watcher, size_t size)
{
    void *memory = watcher->malloc(size);
    if (unlikely(memory == NULL)) {
        return malloc_seen(size);
    }
    annotate_allocated(memory, size, false);
    return memory;
}

BRKM_ENTRY_OF(malloc) BRKM_COLD static void *malloc_first(size_t size)
{
    begin();
    return brkm__malloc_slow(size);
}

/* The bins that malloc's fast path passes: of the smallest blocks, and medium ones. */
BRKM_ENTRY_OF(malloc) BRKM_NOINLINE static void *malloc_unwatched(size_t size)
{
    void *memory = NULL;
    if (likely(medium_serves(size))) {
        memory = medium_take(brkm__thread_cache, size_class_medium_for(size));
    } else if (size <= BRKM_MIN_BLOCK - BRKM_HEADER_SIZE) {
        malloc_hit(BRKM_MIN_BLOCK - BRKM_HEADER_SIZE, &memory);
    }
    if (unlikely(memory == NULL)) {
        return malloc_missed(size);
    }
    annotate_allocated(memory, size, false);
    return memory;
}

/* While blocks are recorded every malloc comes here, and nearly all leave with a hit. Calls stand
 * last, so that there is no frame to make. */
BRKM_ENTRY_OF(malloc) BRKM_NOINLINE static void *malloc_maybe_watched(size_t size)
{
    void *memory;
    if (unlikely(!relaxed_load(is_begun))) {
        return malloc_first(size);
    }
    if (unlikely(!watch_passes(size))) {
        const struct watcher *watcher = watcher_get();
        if (unlikely(watcher != NULL)) {
            return malloc_watched(watcher, size);
        }
        return likely(!recorder_is_on()) ? malloc_unwatched(size) : malloc_seen(size);
    }
    return likely(size <= CACHE_HIT_MAX && malloc_hit(size, &memory)) ? memory
                                                                      : malloc_unwatched(size);
}

BRKM_ENTRY_OF(malloc) BRKM_NOINLINE void *brkm__malloc_slow(size_t size)
{
    return likely(!cache_malloc_is_watched()) ? malloc_unwatched(size) : malloc_maybe_watched(size);
}

/* Apart, so that the function that ends in it has no frame to make. */
BRKM_ENTRY_OF(free) BRKM_NOINLINE static void free_other(void *memory)
{
    free_for(memory, "free");
    BRKM_KEEP_FRAME();
}

/* What is no plain block of a cached size. */
BRKM_ENTRY_OF(free) BRKM_NOINLINE static void free_special(void *memory)
{
    bool is_in_row = regions_contain_payload(memory) &&
                     !block_is(block_from_payload(memory), BLOCK_IN_USE) &&
                     brkm__serve_free_row(memory);
    if (!is_in_row) {
        free_other(memory);
    }
}

BRKM_ENTRY_OF(free) BRKM_NOINLINE static void free_unwatched(void *memory)
{
    size_t size;
    if (unlikely(!verify_plain(memory, &size))) {
        free_special(memory);
        return;
    }
    struct mem_control_block *block = block_from_payload(memory);
    annotate_freed(memory);
    if (unlikely(!medium_has(size))) {
        brkm__serve_free_cached(block, size);
    } else if (unlikely(!medium_keep(brkm__thread_cache, size_class_medium_below(size), block))) {
        brkm__free_missed(memory);
    }
}

BRKM_ENTRY_OF(free)
BRKM_NOINLINE static void free_watched(const struct watcher *watcher, void *memory)
{
    if (!watcher->free(memory)) {
        free_unwatched(memory);
    }
}

/* While there is a watcher every free comes here. */
BRKM_ENTRY_OF(free) BRKM_NOINLINE void brkm__free_slow(void *memory)
{
    const struct watcher *watcher = watcher_get();
    if (unlikely(watcher != NULL)) {
        free_watched(watcher, memory);
    } else {
        free_unwatched(memory);
    }
}

/* ---- The malloc family ---- */

BRKM_ENTRY_OF(malloc) void *brkm_malloc(size_t size)
{
    return alloc_malloc(size);
}

BRKM_ENTRY_OF(free) void brkm_free(void *memory)
{
    alloc_free(memory);
}

BRKM_ENTRY_OF(cfree) void brkm_cfree(void *memory)
{
    free_for(memory, "cfree");
    BRKM_KEEP_FRAME();
}

BRKM_ENTRY_OF(free_sized) void brkm_free_sized(void *memory, size_t size)
{
    free_sized_for(memory, size, 1, "free_sized");
    BRKM_KEEP_FRAME();
}

BRKM_ENTRY_OF(free_aligned_sized)
void brkm_free_aligned_sized(void *memory, size_t alignment, size_t size)
{
    free_sized_for(memory, size, alignment, "free_aligned_sized");
    BRKM_KEEP_FRAME();
}

BRKM_ENTRY_OF(calloc) void *brkm_calloc(size_t count, size_t size)
{
    size_t total;
    if (unlikely(__builtin_mul_overflow(count, size, &total))) {
        return brkm__alloc_fail(SIZE_MAX);
    }
    struct allocated result = serve(total);
    if (likely(result.memory != NULL)) {
        annotate_allocated(result.memory, total, true);
        memset(result.memory, 0, min_size(total, result.dirty));
        return result.memory;
    }
    return brkm__alloc_fail(total);
}

BRKM_ENTRY_OF(memalign) void *brkm_memalign(size_t alignment, size_t size)
{
    size_t rounded = power_of_two_above(alignment);
    if (unlikely(rounded == 0)) {
        errno = EINVAL;
        return NULL;
    }
    return hand_out(serve_aligned(rounded, size), size, false);
}

BRKM_ENTRY_OF(aligned_alloc) void *brkm_aligned_alloc(size_t alignment, size_t size)
{
    if (unlikely(!is_power_of_two(alignment))) {
        errno = EINVAL;
        return NULL;
    }
    return hand_out(serve_aligned(alignment, size), size, false);
}

BRKM_ENTRY_OF(posix_memalign) int brkm_posix_memalign(void **memory, size_t alignment, size_t size)
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

BRKM_ENTRY_OF(valloc) void *brkm_valloc(size_t size)
{
    return hand_out(serve_aligned(brkm__os_page_size(), size), size, false);
}

BRKM_ENTRY_OF(pvalloc) void *brkm_pvalloc(size_t size)
{
    size_t page = brkm__os_page_size();
    if (unlikely(size > PTRDIFF_MAX - page)) {
        return brkm__alloc_fail(size);
    }
    size = align_up(max_size(size, 1), page);
    return hand_out(serve_aligned(page, size), size, false);
}

BRKM_ENTRY_OF(malloc_usable_size) BRKM_NOINLINE static size_t usable_size_of_other(void *memory)
{
    struct held held = brkm__verify_in_use(memory, "malloc_usable_size");
    return likely(held.origin != ORIGIN_FOREIGN) ? held.usable_size
                                                 : brkm__foreign_usable_size(memory);
}

BRKM_ENTRY_OF(malloc_usable_size) size_t brkm_malloc_usable_size(void *memory)
{
    size_t size;
    if (memory == NULL) {
        return 0;
    }
    return likely(verify_plain(memory, &size)) ? size - BRKM_HEADER_SIZE
                                               : usable_size_of_other(memory);
}

BRKM_ENTRY_OF(malloc_trim) int brkm_malloc_trim(size_t pad)
{
    const struct watcher *watcher = watcher_get();
    if (watcher != NULL) {
        watcher->drain();
    }
    brkm__perturb_drain();
    brkm__cache_flush_all();
    brkm__depot_drain();
    brkm__serve_drain_rows();
    return brkm__heaps_trim(pad) != 0;
}
