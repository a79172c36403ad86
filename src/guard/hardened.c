/* SPDX-License-Identifier: MIT
 * See hardened.h. */
#include "guard/hardened.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clear.h"
#include "base/valgrind.h"
#include "cache/thread_cache.h"
#include "guard/canary.h"
#include "guard/explain.h"
#include "guard/guarded.h"
#include "guard/quarantine.h"
#include "guard/zero_size.h"
#include "heap/block.h"
#include "heap/mapped.h"
#include "heap/regions.h"
#include "heap/size_class.h"
#include "heap/walk.h"
#include "kit/options.h"
#include "kit/random.h"
#include "kit/report.h"
#include "malloc/watcher.h"
#include "system/os.h"

/* Bytes that the hardened mode keeps in quarantine: 2 MiB hold the 5120 blocks of sixteen threads
 * when they have 400 bytes each, more than most. */
#define HARDENED_QUARANTINE (2 * BRKM_MIB)

/* Of so many allocations the hardened mode guards one: with 20 to 40 us for each, a tenth of the
 * time that the mode costs a program which mainly allocates. At 1000 it was a third (lua). */
#define HARDENED_GUARD_SAMPLE 5000

/* Bytes. What a retired mapping counts for in the quarantine: its pages are gone, the kernel's
 * record of it stays. */
#define RETIRED_COST 1024u

/* Bytes of the newest block in quarantine that each malloc looks at. */
#define LOOK_MAX ((size_t)64)

/* Blocks among which malloc chooses, at least: of the stock, and at the front of a bin. */
#define PLACEMENT_CHOICE 4u

/* Blocks of a size that the stock is filled up to with what the thread's cache has anyway. */
#define STOCK_FILL 16u

/* Bytes. The largest request that is served from the stock. */
#define STOCK_REQUEST_MAX (STOCK_BLOCK_MAX - BRKM_HEADER_SIZE)

/* Which options are on. Written once, by the constructor before malloc misses; what the program
 * frees later was allocated by somebody who knew. */
static struct {
    bool zero_freed;
    bool quarantine;
    bool random_placement;
    bool guard_zero_size;
    bool guard_sample;
    bool plain; /* the last two alone: what they do not serve is as without them */
} mode;

/* The block that was handed out last, and the block of the heap that was put into quarantine last,
 * while there is one thread: a write past the end of the one or in front of it, or to the other, is
 * then found by the next call. NULL after they were freed, and left. relaxed_load, relaxed_store:
 * threads that come later only forget them.
 *
 * What else is known of them is for a look at them that takes a few comparisons; where that finds a
 * difference, which may be one that is meant, they are verified. Only while there is one thread. */
static struct {
    void *handed_out;
    uint64_t handed_out_header;
    struct canary_image handed_out_end; /* `last` is NULL where it is not known */
    void *freed;
    uint64_t freed_header;
    size_t freed_look; /* bytes; 0 where it is not known */
} last;

/* ---- Looking back ---- */

static BRKM_ALWAYS_INLINE bool end_is_guarded(const struct mem_control_block *block)
{
    size_t size = block_short_size(block);
    return block_guard_follows(block_load_seal(block), size,
                               block_load_seal(block_at_offset(block, size)));
}

static BRKM_NOINLINE void verify_handed_out(void *memory)
{
    struct mem_control_block *block = block_from_payload(memory);
    struct canary canary;
    bool sound = regions_contain_payload(memory) &&
                 brkm__canary_read(memory, block_usable_size(block), &canary) &&
                 end_is_guarded(block);
    if (unlikely(!sound)) {
        brkm__verify_in_use(memory, "malloc");
    }
}

static BRKM_COLD void forget_last(void)
{
    if (relaxed_load(last.handed_out) != NULL) {
        relaxed_store(last.handed_out, NULL);
    }
    if (relaxed_load(last.freed) != NULL) {
        relaxed_store(last.freed, NULL);
    }
}

static BRKM_ALWAYS_INLINE void look_at_handed_out(void)
{
    bool same = last.handed_out_end.last != NULL &&
                block_header_word(block_from_payload(last.handed_out)) == last.handed_out_header &&
                canary_is_as(&last.handed_out_end) &&
                end_is_guarded(block_from_payload(last.handed_out));
    if (unlikely(!same)) {
        verify_handed_out(last.handed_out);
    }
}

static BRKM_ALWAYS_INLINE void look_at_freed(void)
{
    annotate_readable(last.freed, last.freed_look);
    bool same = last.freed_look != 0 &&
                block_header_word(block_from_payload(last.freed)) == last.freed_header &&
                (!mode.zero_freed || is_clear(last.freed, last.freed_look));
    annotate_forgotten(last.freed, last.freed_look);
    if (unlikely(!same)) {
        brkm__quarantine_verify(last.freed, LOOK_MAX);
    }
}

static BRKM_ALWAYS_INLINE void look_back(bool is_alone)
{
    if (unlikely(!is_alone)) {
        forget_last();
        return;
    }
    if (last.handed_out != NULL) {
        look_at_handed_out();
    }
    if (last.freed != NULL) {
        look_at_freed();
    }
}

/* `image` is NULL where it is not known. */
static BRKM_ALWAYS_INLINE void remember_handed_out(void *memory, const struct canary_image *image,
                                                   bool is_alone)
{
    if (likely(is_alone)) {
        relaxed_store(last.handed_out, memory);
        last.handed_out_end.last = NULL;
        if (image != NULL) {
            last.handed_out_header = block_header_word(block_from_payload(memory));
            last.handed_out_end = *image;
        }
    }
}

static BRKM_ALWAYS_INLINE void forget_if_handed_out(const void *memory)
{
    if (memory == relaxed_load(last.handed_out)) {
        relaxed_store(last.handed_out, NULL);
    }
}

static BRKM_ALWAYS_INLINE void remember_freed(struct quarantined one, bool is_alone)
{
    if (unlikely(!is_alone)) {
        forget_last();
        return;
    }
    relaxed_store(last.freed, one.payload);
    last.freed_header = block_header_word(block_from_payload(one.payload));
    last.freed_look = min_size(one.bytes - BRKM_HEADER_SIZE, LOOK_MAX);
}

static BRKM_ALWAYS_INLINE void forget_if_freed(const void *payload)
{
    if (unlikely(payload == relaxed_load(last.freed))) {
        relaxed_store(last.freed, NULL);
    }
}

/* ---- Allocate: from the stock ---- */

/* A place among `count`, which is not 0. */
static BRKM_ALWAYS_INLINE unsigned choose(struct quarantine *own, unsigned count)
{
    uint64_t random = mode.random_placement ? random_choice_next(&own->random) : UINT32_MAX;
    return (unsigned)(random * count >> 32);
}

/* Makes one of the blocks in the stock the next, where there are enough to choose from. */
static BRKM_ALWAYS_INLINE void choose_next(struct quarantine *own, struct stock *stock)
{
    if (unlikely(stock->count < PLACEMENT_CHOICE)) {
        stock->next = NULL;
    } else {
        stock_choose(stock, choose(own, stock->count));
    }
}

/* Takes the next block of a stock, which there is; it is clear and in nobody's hands. */
static BRKM_ALWAYS_INLINE void *take_from_stock(struct quarantine *own, struct stock *stock,
                                                size_t block_size)
{
    void *payload = stock->next;
    choose_next(own, stock);
    if (unlikely(!quarantine_is_sound(payload, block_size, mode.zero_freed))) {
        brkm__quarantine_verify(payload, SIZE_MAX);
    }
    forget_if_freed(payload);
    annotate_ours(payload, block_size - BRKM_HEADER_SIZE);
    return payload;
}

/* A tight block for `size` bytes. */
static BRKM_ALWAYS_INLINE void *allocate_from_stock(struct quarantine *own, struct stock *stock,
                                                    size_t block_size, size_t size, bool is_alone)
{
    void *payload = take_from_stock(own, stock, block_size);
    struct canary_image image = canary_write_tight(payload, block_size - BRKM_HEADER_SIZE, size);
    block_change_state(block_from_payload(payload), BLOCK_CACHED, block_tight_state(image.slack));
    remember_handed_out(payload, &image, is_alone);
    return payload;
}

static void *hardened_malloc(size_t size)
{
    struct quarantine *own = brkm__thread_cache->kept;
    bool is_plain = size - 1 < STOCK_REQUEST_MAX && own != NULL && !recorder_is_on() &&
                    (!mode.guard_sample || brkm__guarded_sampling.left > 1);
    if (unlikely(!is_plain)) {
        return NULL;
    }
    size_t block_size = block_size_for_request(size);
    struct stock *stock = quarantine_stock(own, block_size);
    if (unlikely(stock->next == NULL)) {
        return NULL;
    }
    bool is_alone = os_is_single_threaded();
    brkm__guarded_sampling.left -= mode.guard_sample;
    look_back(is_alone);
    return allocate_from_stock(own, stock, block_size, size, is_alone);
}

/* The calling thread's quarantine; NULL when it has no cache yet, or no longer. */
static struct quarantine *own_quarantine(void)
{
    struct thread_cache *cache = brkm__thread_cache;
    if (unlikely(cache->kept == NULL && mode.quarantine && cache->number != 0)) {
        brkm__quarantine_begin(&cache->kept);
    }
    return cache->kept;
}

/* Moves a block that is in use and belongs to nobody into a stock; false when it is too large. */
static bool stock_up(struct quarantine *own, void *payload)
{
    struct mem_control_block *block = block_from_payload(payload);
    size_t size = block_short_size(block);
    struct quarantined one = {payload, (uint32_t)size, false};
    if (unlikely(!quarantine_stock_put(own, one))) {
        return false;
    }
    if (mode.zero_freed) {
        annotate_ours(payload, size - BRKM_HEADER_SIZE);
        clear(payload, size - BRKM_HEADER_SIZE);
        annotate_forgotten(payload, size - BRKM_HEADER_SIZE);
    }
    block_change_state(block, BLOCK_IN_USE, BLOCK_CACHED);
    return true;
}

/* Fills the stock until there is a choice, and on with what the thread's cache has. False when the
 * thread has its quarantine no longer. */
static bool fill_from_cache(struct quarantine *own, struct stock *stock, size_t block_size)
{
    const struct cache_bin *bin = cache_exact_bin(brkm__thread_cache, block_size);
    /* A block may be larger than what was asked for, and goes to another stock. */
    for (unsigned i = 0; i < STOCK_FILL && stock->count < STOCK_FILL; i++) {
        if (stock->count >= PLACEMENT_CHOICE && bin->first == CACHED_END) {
            break;
        }
        void *payload = brkm__serve_cached(block_size - BRKM_HEADER_SIZE);
        /* The thread's cache may have ended, see brkm__cache_close. */
        bool is_owned = brkm__thread_cache->kept == own;
        if (payload != NULL && unlikely(!is_owned || !stock_up(own, payload))) {
            brkm__take_back(payload, (struct held){.origin = ORIGIN_HEAP}, "malloc");
            is_owned = brkm__thread_cache->kept == own;
        }
        if (unlikely(!is_owned)) {
            return false;
        }
        if (payload == NULL) {
            break;
        }
    }
    return true;
}

/* A block in use of `room` bytes, clear where that is wanted; NULL where it does not come from a
 * stock. */
static void *serve_from_stock(size_t room)
{
    struct quarantine *own = own_quarantine();
    if (own == NULL || room - 1 >= STOCK_REQUEST_MAX) {
        return NULL;
    }
    size_t block_size = block_size_for_request(room);
    struct stock *stock = quarantine_stock(own, block_size);
    if (stock->next == NULL) {
        if (stock->count < PLACEMENT_CHOICE && !brkm__quarantine_fill_stock(stock, block_size) &&
            !fill_from_cache(own, stock, block_size)) {
            return NULL;
        }
        if (stock->count == 0) {
            return NULL;
        }
        stock_choose(stock, choose(own, stock->count));
    }
    void *payload = take_from_stock(own, stock, block_size);
    block_change_state(block_from_payload(payload), BLOCK_CACHED, BLOCK_IN_USE);
    return payload;
}

/* ---- Allocate: from elsewhere ---- */

/* Any of the first blocks of the bin may be the next. */
static void shuffle_bin_for(size_t size)
{
    struct thread_cache *cache = brkm__thread_cache;
    size_t block_size = block_size_for_request(size);
    if (block_size <= BRKM_CACHED_MAX && cache->number != 0) {
        struct cache_bin *bin = &cache->bins[size_class_slot(block_size)];
        brkm__cache_bin_raise(bin, (unsigned)(random_next(&cache->random) % PLACEMENT_CHOICE));
    }
}

/* A block in use of `room` bytes. */
static struct allocated serve(size_t room, size_t alignment)
{
    if (alignment <= BRKM_ALIGNMENT) {
        void *stocked = serve_from_stock(room);
        if (likely(stocked != NULL)) {
            return (struct allocated){stocked, mode.zero_freed ? 0 : SIZE_MAX};
        }
    }
    if (mode.random_placement) {
        shuffle_bin_for(room);
    }
    return brkm__serve_any(room, alignment);
}

static unsigned marks_of(bool noted)
{
    return noted ? CANARY_MARK_NOTED : 0;
}

/* Makes a block that was just served a watched one. */
static void watch(void *memory, size_t size, bool noted)
{
    size_t room = brkm__serve_room(memory);
    struct canary canary = {.requested = size, .marks = marks_of(noted)};
    brkm__canary_write(memory, room, canary);
    block_change_state(block_from_payload(memory), BLOCK_IN_USE, canary_state(room, canary));
    remember_handed_out(memory, NULL, os_is_single_threaded());
}

static bool drain(void);

static struct allocated serve_watched(const struct request *request)
{
    size_t size = request->size;
    if (size > PTRDIFF_MAX || request->room > CANARY_REQUEST_MAX - CANARY_TRAILER_SIZE) {
        return (struct allocated){NULL, 0};
    }
    size_t room = request->room + (request->noted ? CANARY_TRAILER_SIZE : 0);
    struct allocated result = serve(room, request->alignment);
    if (unlikely(result.memory == NULL) && drain()) {
        result = serve(room, request->alignment);
    }
    if (unlikely(result.memory == NULL)) {
        return result;
    }
    if (mode.zero_freed) {
        annotate_ours(result.memory, size);
        memset(result.memory, 0, min_size(size, result.dirty));
        result.dirty = 0;
    }
    watch(result.memory, size, request->noted);
    return result;
}

/* One in guard_sample; NULL for all others. */
static void *serve_guarded(const struct request *request)
{
    size_t size = request->size;
    bool is_due = mode.guard_sample && size <= brkm__os_page_size() && guarded_is_due();
    return unlikely(is_due) ? brkm__guarded_allocate(size, request->alignment, request->noted)
                            : NULL;
}

static bool hardened_serve(const struct request *request, struct allocated *result)
{
    *result = (struct allocated){NULL, 0};
    if (!mode.plain) {
        look_back(os_is_single_threaded());
    }
    if (request->size == 0 && mode.guard_zero_size && request->alignment <= BRKM_ALIGNMENT) {
        result->memory = brkm__zero_size_allocate();
    }
    if (result->memory == NULL) {
        result->memory = serve_guarded(request);
    }
    if (result->memory != NULL) {
        return true;
    }
    if (mode.plain) {
        return false;
    }
    *result = serve_watched(request);
    return true;
}

/* ---- Resize ---- */

static _Noreturn BRKM_COLD void double_free(void *memory, size_t size, const char *caller)
{
    brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){memory, size, caller});
}

/* The state of a block that was verified, of the heap or mapped. */
static enum block_state watched_state(const void *memory, struct held held)
{
    if (!held.is_watched) {
        return BLOCK_IN_USE;
    }
    struct canary canary = {.requested = held.usable_size, .marks = marks_of(held.is_noted)};
    return canary_state(brkm__serve_room(memory), canary);
}

static bool hardened_has(struct held held)
{
    return !mode.plain || held.origin == ORIGIN_APART;
}

static bool hardened_resize(void *memory, struct held held, size_t size, bool noted)
{
    if (!held.is_watched || size > PTRDIFF_MAX - CANARY_TRAILER_SIZE) {
        return false;
    }
    size_t room = brkm__serve_room(memory);
    size_t needed = size + (noted ? CANARY_TRAILER_SIZE : 0);
    if (needed > room || needed + BRKM_MIN_BLOCK < room / 2) {
        /* It was verified just now, and will move. */
        forget_if_handed_out(memory);
        return false;
    }
    struct mem_control_block *block = block_from_payload(memory);
    enum block_state state = watched_state(memory, held);
    size_t old_end = held.usable_size;
    if (size > old_end) {
        /* Canary bytes are nobody's business. */
        annotate_ours((char *)memory + old_end, size - old_end);
        memset((char *)memory + old_end, 0, size - old_end);
    }
    struct canary canary = {.requested = size, .marks = marks_of(noted)};
    brkm__canary_write(memory, room, canary);
    if (unlikely(!block_try_change_state(block, state, canary_state(room, canary)))) {
        double_free(memory, held.usable_size, "realloc");
    }
    return true;
}

/* ---- Free: into the quarantine ---- */

/* What leaves the quarantine and finds no place in the stock. */
static void release(struct quarantined one)
{
    struct held held = {.origin = one.is_mapped ? ORIGIN_MAPPED : ORIGIN_HEAP};
    forget_if_freed(one.payload);
    if (!one.is_mapped) {
        brkm__quarantine_verify(one.payload, SIZE_MAX);
        block_change_state(block_from_payload(one.payload), BLOCK_CACHED, BLOCK_IN_USE);
    }
    brkm__take_back(one.payload, held, "free");
}

/* What is released may end the thread's cache, and with it the stock, see brkm__cache_close. */
static void release_all(const struct quarantined *leaving, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct quarantine *own = brkm__thread_cache->kept;
        if (own == NULL || !quarantine_stock_put(own, leaving[i])) {
            release(leaving[i]);
        }
    }
}

static BRKM_NOINLINE void settle(struct quarantine *own)
{
    struct quarantined leaving[QUARANTINE_LEAVING_MAX];
    unsigned count;
    do {
        count = brkm__quarantine_settle(own, leaving);
        release_all(leaving, count);
    } while (count == QUARANTINE_LEAVING_MAX && own == brkm__thread_cache->kept);
}

static BRKM_ALWAYS_INLINE void keep(struct quarantine *own, struct quarantined one)
{
    struct quarantined leaving = quarantine_exchange(own, one);
    bool is_kept = leaving.payload == NULL || likely(quarantine_stock_put(own, leaving));
    if (unlikely(!quarantine_is_settled(own))) {
        settle(own);
    }
    if (unlikely(!is_kept)) {
        release(leaving);
    }
}

static void put_into_quarantine(struct quarantined one)
{
    if (one.is_mapped) {
        relaxed_store(last.freed, NULL);
    } else {
        remember_freed(one, os_is_single_threaded());
    }
    struct quarantine *own = own_quarantine();
    if (likely(own != NULL)) {
        keep(own, one);
        return;
    }
    struct quarantined leaving[QUARANTINE_LEAVING_MAX + 1];
    release_all(leaving, brkm__quarantine_put_shared(one, leaving));
}

/* Takes a block of the heap from the program: of two threads that free it at a time, one is told.
 */
static BRKM_ALWAYS_INLINE bool retire(struct mem_control_block *block, enum block_state from,
                                      bool is_alone)
{
    if (likely(is_alone)) {
        block_change_state(block, from, BLOCK_CACHED);
        return true;
    }
    return block_try_change_state(block, from, BLOCK_CACHED);
}

static BRKM_ALWAYS_INLINE void clear_freed(void *memory, size_t usable)
{
    if (mode.zero_freed) {
        annotate_ours(memory, usable);
        clear(memory, usable);
        annotate_forgotten(memory, usable);
    }
}

/* True when the block, which has a trailer, is no sample and sound. */
static BRKM_NOINLINE bool canary_is_plain(const void *memory, size_t room)
{
    struct canary canary;
    return brkm__canary_read(memory, room, &canary) && canary.marks == 0;
}

/* The state of a block that is no sample, where it and its canary are whole; otherwise it counts as
 * damaged. */
static BRKM_ALWAYS_INLINE enum block_state state_of_plain(const void *memory, size_t size)
{
    const struct mem_control_block *block = block_from_payload(memory);
    uint64_t slack = block_slack_of(block, size);
    if (likely(slack <= BLOCK_SLACK_MAX)) {
        return canary_tight_is_whole(memory, size - BRKM_HEADER_SIZE, slack)
                   ? block_tight_state(slack)
                   : BLOCK_DAMAGED;
    }
    bool is_plain =
        block_is_of(block, size, BLOCK_WATCHED) && canary_is_plain(memory, size - BRKM_HEADER_SIZE);
    return is_plain ? BLOCK_WATCHED : BLOCK_DAMAGED;
}

static bool hardened_free(void *memory)
{
    struct quarantine *own = brkm__thread_cache->kept;
    if (unlikely(own == NULL || !regions_window_contains(memory))) {
        return false;
    }
    struct mem_control_block *block = block_from_payload(memory);
    size_t size = block_byte_size(block);
    enum block_state state = state_of_plain(memory, size);
    bool is_plain = state != BLOCK_DAMAGED &&
                    block_guard_follows(block_load_seal(block), size,
                                        block_load_seal(block_at_offset(block, size))) &&
                    !block_is_known_free(block, size);
    if (unlikely(!is_plain)) {
        return false;
    }
    annotate_freed(memory);
    bool is_alone = os_is_single_threaded();
    if (unlikely(!retire(block, state, is_alone))) {
        double_free(memory, size - BRKM_HEADER_SIZE, "free");
    }
    forget_if_handed_out(memory);
    clear_freed(memory, size - BRKM_HEADER_SIZE);
    struct quarantined one = {memory, (uint32_t)size, false};
    remember_freed(one, is_alone);
    keep(own, one);
    return true;
}

/* ---- Free: whatever was verified ---- */

/* Takes any block from the program. */
static struct quarantined retire_any(void *memory, struct held held, const char *caller)
{
    struct mem_control_block *block = block_from_payload(memory);
    if (held.origin != ORIGIN_HEAP) {
        if (unlikely(brkm__mapped_retire(memory, held.usable_size) == 0)) {
            double_free(memory, held.usable_size, caller);
        }
        return (struct quarantined){memory, RETIRED_COST, true};
    }
    if (unlikely(!retire(block, watched_state(memory, held), os_is_single_threaded()))) {
        double_free(memory, held.usable_size, caller);
    }
    clear_freed(memory, block_usable_size(block));
    return (struct quarantined){memory, (uint32_t)block_short_size(block), false};
}

static void free_zero_size(void *memory, const char *caller)
{
    if (!brkm__zero_size_free(memory)) {
        double_free(memory, 0, caller);
    }
}

static void free_guarded(void *memory, struct held held, const char *caller)
{
    enum fault fault;
    if (unlikely(!brkm__guarded_free(memory, &fault))) {
        brkm__fatal(fault, (struct fault_place){.address = memory,
                                                .block_size = held.usable_size,
                                                .caller = caller});
    }
}

static void free_apart(void *memory, struct held held, const char *caller)
{
    if (brkm__zero_size_contains(memory)) {
        free_zero_size(memory, caller);
    } else {
        free_guarded(memory, held, caller);
    }
}

static bool hardened_release(void *memory, struct held held, const char *caller)
{
    forget_if_handed_out(memory);
    if (unlikely(held.origin == ORIGIN_APART)) {
        free_apart(memory, held, caller);
        return true;
    }
    if (mode.plain) {
        return false;
    }
    struct quarantined one = retire_any(memory, held, caller);
    if (mode.quarantine) {
        put_into_quarantine(one);
    } else {
        release(one);
    }
    return true;
}

static bool drain(void)
{
    struct quarantined one;
    bool drained = brkm__quarantine_drain_store();
    while ((one = brkm__quarantine_take(brkm__thread_cache->kept)).payload != NULL) {
        release(one);
        drained = true;
    }
    return drained;
}

/* ---- Verify ---- */

static void verify_zero_size(const void *memory, const char *caller)
{
    if (!brkm__zero_size_is_in_use(memory)) {
        brkm__fatal(brkm__zero_size_was_in_use(memory) ? brkm__verify_fault_of_freed(caller)
                                                       : FAULT_INVALID_POINTER,
                    (struct fault_place){.address = memory, .caller = caller});
    }
}

static void verify_guarded(const void *memory, const char *caller, struct held *held)
{
    struct fault_place place = {.address = memory, .caller = caller};
    enum guarded_lookup found = brkm__guarded_find(memory, &held->usable_size, &held->is_noted);
    if (unlikely(found != GUARDED_IN_USE)) {
        place.block_size = found == GUARDED_FREED ? held->usable_size : 0;
        brkm__fatal(found == GUARDED_FREED ? brkm__verify_fault_of_freed(caller)
                                           : FAULT_INVALID_POINTER,
                    place);
    }
}

static bool verify_apart(const void *memory, const char *caller, struct held *held)
{
    *held = (struct held){.origin = ORIGIN_APART, .is_exact = true};
    if (unlikely(brkm__zero_size_contains(memory))) {
        verify_zero_size(memory, caller);
        return true;
    }
    if (unlikely(brkm__guarded_contains(memory))) {
        verify_guarded(memory, caller, held);
        return true;
    }
    return false;
}

/* The usable size was the room until then. */
static void verify_watched(const void *memory, const char *caller, struct held *held)
{
    struct canary canary;
    if (unlikely(!brkm__canary_read(memory, held->usable_size, &canary))) {
        /* Another thread, which freed it since the header was verified, has cleared it. */
        bool is_freed = block_is(block_from_payload(memory), BLOCK_CACHED);
        brkm__fatal(is_freed ? brkm__verify_fault_of_freed(caller) : FAULT_CANARY_OVERWRITTEN,
                    (struct fault_place){
                        .address = memory, .block_size = held->usable_size, .caller = caller});
    }
    held->is_exact = held->is_watched = true;
    held->usable_size = canary.requested;
    held->is_noted = canary.marks == CANARY_MARK_NOTED;
}

/* ---- The table ---- */

static void count(struct watch_figures *figures)
{
    struct quarantine_totals quarantine = brkm__quarantine_totals();
    struct guarded_totals guarded = brkm__guarded_totals();
    figures->kept.blocks = quarantine.blocks;
    figures->kept.bytes = quarantine.bytes;
    figures->kept.own_bytes = quarantine.own_bytes;
    figures->kept.contended = quarantine.contended;
    figures->apart.blocks = guarded.blocks;
    figures->apart.bytes = guarded.bytes;
    figures->apart.from_system = guarded.pool_bytes;
    figures->apart.allocations = guarded.allocations;
    figures->apart.missed = guarded.missed;
    figures->apart.contended = guarded.contended;
}

static const struct watcher watcher = {
    .keeper = {.hand_over = brkm__quarantine_hand_over,
               .forget = brkm__quarantine_forget,
               .drain = brkm__quarantine_drain_store},
    .malloc = hardened_malloc,
    .free = hardened_free,
    .serve = hardened_serve,
    .release = hardened_release,
    .has = hardened_has,
    .resize = hardened_resize,
    .verify_apart = verify_apart,
    .verify_watched = verify_watched,
    .drain = drain,
    .count = count,
};

/* ---- Start ---- */

static const struct {
    enum option option;
    size_t value;
} hardened[] = {
    {OPTION_canary, 1},           {OPTION_zero_freed, 1},
    {OPTION_random_placement, 1}, {OPTION_guard_pages, 1},
    {OPTION_guard_zero_size, 1},  {OPTION_guard_sample, HARDENED_GUARD_SAMPLE},
    {OPTION_check_at_exit, 1},    {OPTION_quarantine, HARDENED_QUARANTINE},
};

static void turn_on_hardened(void)
{
    for (size_t i = 0; i < sizeof(hardened) / sizeof(hardened[0]); i++) {
        if (!brkm__option_is_set(hardened[i].option)) {
            brkm__option_set_from(hardened[i].option, hardened[i].value, "hardened");
        }
    }
}

static bool is_on(enum option option)
{
    return brkm__option_get(option) != 0;
}

void brkm__hardened_apply(void)
{
    if (is_on(OPTION_hardened)) {
        turn_on_hardened();
    }
    mode.zero_freed = is_on(OPTION_zero_freed);
    mode.quarantine = is_on(OPTION_quarantine);
    mode.guard_zero_size = is_on(OPTION_guard_zero_size);
    mode.random_placement = is_on(OPTION_random_placement);
    mode.guard_sample = is_on(OPTION_guard_sample);
    mode.plain =
        !is_on(OPTION_canary) && !mode.zero_freed && !mode.quarantine && !mode.random_placement;
    if (!mode.plain || mode.guard_zero_size || mode.guard_sample) {
        brkm__canary_draw_secret();
        brkm__fatal_adds_by(brkm__explain_owners);
        brkm__watch_by(&watcher);
    }
    if (mode.guard_sample || mode.guard_zero_size || is_on(OPTION_guard_pages)) {
        brkm__explain_faults();
    }
}

/* ---- Exit ---- */

static void verify_at_exit(void *memory)
{
    brkm__verify_in_use(memory, "exit");
}

static void check_blocks(void)
{
    struct walk walk = {0};
    while (brkm__walk_step(&walk)) {
        if (walk.state == BLOCK_DAMAGED) {
            brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                        (struct fault_place){block_payload(walk.block), 0, "exit"});
        }
        if (block_state_is_watched(walk.state)) {
            verify_at_exit(block_payload(walk.block));
        }
    }
}

static void check_guarded(void)
{
    enum fault fault;
    const struct guarded_block *damaged = brkm__guarded_find_damaged(&fault);
    if (damaged != NULL) {
        brkm__fatal(fault, (struct fault_place){.address = damaged->memory,
                                                .block_size = damaged->size,
                                                .caller = "exit"});
    }
}

void brkm__hardened_check_all(void)
{
    check_guarded();
    if (!os_is_single_threaded()) {
        return;
    }
    check_blocks();
    brkm__mapped_visit(verify_at_exit);
    brkm__quarantine_verify_all();
}

/* ---- The room ---- */

static int end(void)
{
    if (is_on(OPTION_check_at_exit)) {
        brkm__hardened_check_all();
    }
    return 0;
}

static void after_fork(void)
{
    brkm__guarded_after_fork();
    brkm__explain_after_fork();
}

const struct optional_room brkm__guard_room = {
    .start = brkm__hardened_apply,
    .end = end,
    .after_fork = after_fork,
};
