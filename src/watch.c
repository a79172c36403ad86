/* SPDX-License-Identifier: MIT
 * Layer 14: see watch.h. */
#include "watch.h"

#include <stdatomic.h>
#include <string.h>

#include "annotate.h"
#include "block.h"
#include "explain.h"
#include "guarded.h"
#include "heap.h"
#include "mapped.h"
#include "options.h"
#include "os.h"
#include "profile_file.h"
#include "quarantine.h"
#include "random.h"
#include "regions.h"
#include "report.h"
#include "size_class.h"
#include "thread_cache.h"
#include "trailer.h"
#include "zero_size.h"

/* Bytes that the hardened mode keeps in quarantine: 2 MiB hold the 5120 blocks that there is room
 * for when they have 400 bytes each, more than most. */
#define HARDENED_QUARANTINE (2 * BRKM_MIB)

/* Of so many allocations the hardened mode guards one: at a million per second, a thousand system
 * calls. */
#define HARDENED_GUARD_SAMPLE 1000

/* Bytes. What a retired mapping counts for in the quarantine: its pages are gone, the kernel's
 * record of it stays. */
#define RETIRED_COST ((size_t)1024)

/* Bytes of the newest block in quarantine that each malloc looks at. */
#define LOOK_MAX ((size_t)64)

/* Blocks at the front of a bin, of which malloc takes any one. */
#define PLACEMENT_CHOICE 4

uint8_t brkm__watching;

/* Which options are on. Written once, by the constructor before brkm__watching; what the program
 * frees later was allocated by somebody who knew. */
static struct {
    bool canary;
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
 * threads that come later only forget them. */
static struct {
    void *handed_out;
    void *freed;
} last;

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

void brkm__watch_apply(void)
{
    if (brkm__option_get(OPTION_hardened) != 0) {
        turn_on_hardened();
    }
    mode.canary = brkm__option_get(OPTION_canary) != 0;
    mode.zero_freed = brkm__option_get(OPTION_zero_freed) != 0;
    mode.quarantine = brkm__option_get(OPTION_quarantine) != 0;
    mode.guard_zero_size = brkm__option_get(OPTION_guard_zero_size) != 0;
    mode.random_placement = brkm__option_get(OPTION_random_placement) != 0;
    mode.guard_sample = brkm__option_get(OPTION_guard_sample) != 0;
    mode.plain = !mode.canary && !mode.zero_freed && !mode.quarantine && !mode.random_placement;
    if (!mode.plain || mode.guard_zero_size || mode.guard_sample) {
        brkm__trailer_draw_secret();
        relaxed_store(brkm__watching, WATCH_ALL);
        brkm__cache_watch_malloc(true);
    }
    if (mode.guard_sample || mode.guard_zero_size || brkm__option_get(OPTION_guard_pages) != 0) {
        brkm__explain_faults();
    }
}

/* ---- Looking at blocks ---- */

/* `size` is a multiple of 8, as that of every payload. */
static bool is_zero(const void *start, size_t size)
{
    const uint64_t *words = start;
    uint64_t bits = 0;
    for (size_t i = 0; i < size / sizeof(*words); i++) {
        bits |= words[i];
    }
    return bits == 0;
}

/* Ends the program when a block of the heap in quarantine, or its first `most` bytes, changed. */
static void verify_kept(void *payload, size_t most)
{
    struct mem_control_block *block = block_from_payload(payload);
    struct fault_place place = {.address = payload, .caller = "brkmalloc"};
    if (unlikely(!block_is(block, BLOCK_CACHED))) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN, place);
    }
    size_t usable = block_usable_size(block);
    annotate_readable(payload, min_size(usable, most));
    if (mode.zero_freed && unlikely(!is_zero(payload, min_size(usable, most)))) {
        place.block_size = usable;
        brkm__fatal(FAULT_FREED_BLOCK_CHANGED, place);
    }
    annotate_forgotten(payload, min_size(usable, most));
}

static void verify_if_in_heap(void *payload)
{
    if (brkm__regions_contain_payload(payload)) {
        verify_kept(payload, SIZE_MAX);
    }
}

static void verify_handed_out(void *memory)
{
    struct mem_control_block *block = block_from_payload(memory);
    struct trailer trailer;
    bool sound = brkm__regions_contain_payload(memory) && block_is(block, BLOCK_WATCHED) &&
                 brkm__trailer_read(memory, block_usable_size(block), &trailer);
    if (unlikely(!sound)) {
        brkm__verify_in_use(memory, "malloc");
    }
}

static void forget_last(void)
{
    if (relaxed_load(last.handed_out) != NULL) {
        relaxed_store(last.handed_out, NULL);
    }
    if (relaxed_load(last.freed) != NULL) {
        relaxed_store(last.freed, NULL);
    }
}

static void look_back(void)
{
    if (mode.plain) {
        return;
    }
    if (unlikely(!os_is_single_threaded())) {
        forget_last();
        return;
    }
    void *handed_out = relaxed_load(last.handed_out);
    void *freed = relaxed_load(last.freed);
    if (handed_out != NULL) {
        verify_handed_out(handed_out);
    }
    if (freed != NULL) {
        verify_kept(freed, LOOK_MAX);
    }
}

/* ---- Samples, for the heap profile ---- */

/* Bytes that the block at `memory` has for a payload. */
static size_t room_of(const void *memory)
{
    size_t room = 0;
    if (brkm__regions_contain_payload(memory)) {
        return block_usable_size(block_from_payload(memory));
    }
    brkm__mapped_find(memory, &room);
    return room;
}

static struct allocated serve_plain(size_t size, size_t alignment)
{
    if (alignment <= BRKM_ALIGNMENT) {
        return brkm__serve(size);
    }
    return (struct allocated){brkm__serve_aligned(alignment, size), SIZE_MAX};
}

/* Whether samples are taken; written by the constructor and the program. Release pairs with
 * acquire: who sees it sees what sampling_begin wrote. */
static atomic_bool sampling_is_on;

static bool is_sampling(void)
{
    return atomic_load_explicit(&sampling_is_on, memory_order_acquire);
}

/* What the next `size` bytes that the thread asks for stand for. */
static struct sample_weight count_sample(size_t size)
{
    return is_sampling() ? brkm__sampling_count(size) : (struct sample_weight){0, 0};
}

/* Records a block, if it is to be, and returns the mark for its trailer. */
static unsigned record_sample(const void *memory, struct sample_weight weight)
{
    if (weight.bytes == 0 || !brkm__profile_add(memory, weight)) {
        return 0;
    }
    brkm__profile_file_if_due();
    return TRAILER_MARK_SAMPLED;
}

/* The same while every block is watched. */
static unsigned sample(const void *memory, size_t size)
{
    return likely(!is_sampling()) ? 0 : record_sample(memory, brkm__sampling_count_apart(size));
}

static void forget_sample(const void *memory, struct held held)
{
    if ((held.marks & TRAILER_MARK_SAMPLED) != 0) {
        brkm__profile_remove(memory);
        brkm__profile_file_if_due();
    }
}

/* The block has all of its room but for the trailer, as one that is not watched. */
static void watch_sample(void *memory, unsigned marks)
{
    size_t room = room_of(memory);
    struct trailer trailer = {.requested = room - TRAILER_SIZE, .marks = marks};
    brkm__trailer_write(memory, room, trailer);
    block_change_state(block_from_payload(memory), BLOCK_IN_USE, BLOCK_WATCHED);
}

/* A watched block when `weight` says that it is a sample. */
static struct allocated serve_weighed(struct sample_weight weight, size_t room, size_t alignment)
{
    struct allocated result = {NULL, 0};
    if (weight.bytes != 0 && room < TRAILER_REQUEST_MAX) {
        result = serve_plain(room + TRAILER_SIZE, alignment);
    }
    if (result.memory == NULL) {
        return serve_plain(room, alignment);
    }
    unsigned marks = record_sample(result.memory, weight);
    if (marks != 0) {
        watch_sample(result.memory, marks);
    }
    return result;
}

static struct allocated serve_sampled(size_t size, size_t room, size_t alignment)
{
    return serve_weighed(count_sample(size), room, alignment);
}

/* The same where malloc's fast path misses for other reasons. */
static struct allocated serve_sampled_apart(size_t size, size_t room, size_t alignment)
{
    struct sample_weight weight = {0, 0};
    if (is_sampling()) {
        weight = brkm__sampling_count_apart(size);
    }
    return serve_weighed(weight, room, alignment);
}

/* Of two threads that free a block at a time one is told. */
static void unwatch_sample(void *memory, struct held held, const char *caller)
{
    struct mem_control_block *block = block_from_payload(memory);
    if (unlikely(!block_try_change_state(block, BLOCK_WATCHED, BLOCK_IN_USE))) {
        brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){memory, held.usable_size, caller});
    }
}

static void take_back_sampled(void *memory, struct held held, const char *caller)
{
    unwatch_sample(memory, held, caller);
    forget_sample(memory, held);
    brkm__take_back(memory, held, caller);
}

struct resample brkm__resample_begin(void *memory, struct held *held, size_t size, bool wanted)
{
    struct resample resample = {.record.address = 0};
    if (held->is_watched) {
        unwatch_sample(memory, *held, "realloc");
        resample.record = brkm__profile_remove(memory);
        held->is_watched = false;
    }
    if (wanted && size < TRAILER_REQUEST_MAX) {
        resample.weight = count_sample(size);
    }
    return resample;
}

size_t brkm__resample_room(const struct resample *resample, size_t size)
{
    return resample->weight.bytes != 0 ? size + TRAILER_SIZE : size;
}

void brkm__resample_end(void *memory, const struct resample *resample)
{
    unsigned marks = record_sample(memory, resample->weight);
    if (marks != 0) {
        watch_sample(memory, marks);
    }
}

void brkm__resample_cancel(void *memory, const struct resample *resample)
{
    if (resample->record.address != 0) {
        brkm__profile_put_back(resample->record);
        watch_sample(memory, TRAILER_MARK_SAMPLED);
    }
}

void brkm__watch_sample(bool on)
{
    if (on) {
        brkm__trailer_draw_secret();
    }
    atomic_store_explicit(&sampling_is_on, on, memory_order_release);
    if (!watch_is_on()) {
        relaxed_store(brkm__watching, on ? WATCH_SAMPLES : WATCH_NONE);
        brkm__cache_watch_malloc(on);
    }
}

/* ---- Allocate ---- */

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

static struct allocated serve(size_t size, size_t alignment)
{
    if (mode.random_placement) {
        shuffle_bin_for(size);
    }
    return serve_plain(size, alignment);
}

/* Makes a block that was just served a watched one. */
static void watch(void *memory, size_t size)
{
    struct trailer trailer = {.requested = size, .marks = sample(memory, size)};
    brkm__trailer_write(memory, room_of(memory), trailer);
    block_change_state(block_from_payload(memory), BLOCK_IN_USE, BLOCK_WATCHED);
    if (os_is_single_threaded()) {
        relaxed_store(last.handed_out, memory);
    }
}

static struct allocated serve_watched(size_t size, size_t room, size_t alignment)
{
    if (size > PTRDIFF_MAX || room > TRAILER_REQUEST_MAX - TRAILER_SIZE) {
        return (struct allocated){NULL, 0};
    }
    struct allocated result = serve(room + TRAILER_SIZE, alignment);
    if (unlikely(result.memory == NULL) && brkm__watch_drain()) {
        result = serve(room + TRAILER_SIZE, alignment);
    }
    if (unlikely(result.memory == NULL)) {
        return result;
    }
    if (mode.zero_freed) {
        annotate_ours(result.memory, size);
        memset(result.memory, 0, min_size(size, result.dirty));
        result.dirty = 0;
    }
    watch(result.memory, size);
    return result;
}

/* One in guard_sample; NULL for all others. */
static void *serve_guarded(size_t size, size_t alignment)
{
    bool is_due = mode.guard_sample && size <= brkm__os_page_size() && guarded_is_due();
    return unlikely(is_due) ? brkm__guarded_allocate(size, alignment) : NULL;
}

struct allocated brkm__watch_serve(size_t size, size_t room, size_t alignment)
{
    if (!watch_is_on()) {
        return serve_sampled(size, room, alignment);
    }
    look_back();
    if (size == 0 && mode.guard_zero_size && alignment <= BRKM_ALIGNMENT) {
        void *address = brkm__zero_size_allocate();
        if (address != NULL) {
            return (struct allocated){address, 0};
        }
    }
    void *guarded = serve_guarded(size, alignment);
    if (unlikely(guarded != NULL)) {
        return (struct allocated){guarded, 0};
    }
    if (mode.plain) {
        return serve_sampled_apart(size, room, alignment);
    }
    return serve_watched(size, room, alignment);
}

bool brkm__watch_has(struct held held)
{
    return !mode.plain || held_tells_request(held);
}

bool brkm__watch_resize(void *memory, struct held held, size_t size)
{
    if (!held.is_watched || size > PTRDIFF_MAX - TRAILER_SIZE) {
        return false;
    }
    size_t room = room_of(memory);
    if (size + TRAILER_SIZE > room || size + TRAILER_SIZE + BRKM_MIN_BLOCK < room / 2) {
        return false;
    }
    size_t old_end = held.usable_size;
    if (size > old_end) {
        /* Canary bytes are nobody's business. */
        annotate_ours((char *)memory + old_end, size - old_end);
        memset((char *)memory + old_end, 0, size - old_end);
    }
    forget_sample(memory, held);
    struct trailer trailer = {.requested = size, .marks = sample(memory, size)};
    brkm__trailer_write(memory, room, trailer);
    return true;
}

/* ---- Free ---- */

static void release(void *payload)
{
    struct held held = {.origin = ORIGIN_MAPPED};
    if (payload == relaxed_load(last.freed)) {
        relaxed_store(last.freed, NULL);
    }
    if (brkm__regions_contain_payload(payload)) {
        verify_kept(payload, SIZE_MAX);
        block_change_state(block_from_payload(payload), BLOCK_CACHED, BLOCK_IN_USE);
        held = (struct held){.origin = ORIGIN_HEAP};
    }
    brkm__take_back(payload, held, "free");
}

/* Takes the block from the program: of two threads that free it at a time, one is told. */
static void retire(void *memory, struct held held, const char *caller)
{
    struct mem_control_block *block = block_from_payload(memory);
    enum block_state from = held.is_watched ? BLOCK_WATCHED : BLOCK_IN_USE;
    bool first = held.origin == ORIGIN_HEAP ? block_try_change_state(block, from, BLOCK_CACHED)
                                            : brkm__mapped_retire(memory, held.usable_size) != 0;
    if (unlikely(!first)) {
        brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){memory, held.usable_size, caller});
    }
    if (held.origin == ORIGIN_HEAP && mode.zero_freed) {
        annotate_ours(memory, block_usable_size(block));
        memset(memory, 0, block_usable_size(block));
        annotate_forgotten(memory, block_usable_size(block));
    }
}

static void put_into_quarantine(void *memory, size_t bytes)
{
    void *leaving[QUARANTINE_LEAVING_MAX];
    if (os_is_single_threaded()) {
        relaxed_store(last.freed, brkm__regions_contain_payload(memory) ? memory : NULL);
    }
    unsigned count = brkm__quarantine_put(brkm__thread_cache->number, memory, bytes, leaving);
    for (unsigned i = 0; i < count; i++) {
        release(leaving[i]);
    }
}

static void free_zero_size(void *memory, const char *caller)
{
    if (!brkm__zero_size_free(memory)) {
        brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){memory, 0, caller});
    }
}

static void free_guarded(void *memory, struct held held, const char *caller)
{
    enum fault fault;
    if (unlikely(!brkm__guarded_free(memory, &fault))) {
        brkm__explain_fatal(fault, (struct fault_place){.address = memory,
                                                        .block_size = held.usable_size,
                                                        .caller = caller});
    }
}

void brkm__watch_take_back(void *memory, struct held held, const char *caller)
{
    if (!watch_is_on()) {
        take_back_sampled(memory, held, caller);
        return;
    }
    if (memory == relaxed_load(last.handed_out)) {
        relaxed_store(last.handed_out, NULL);
    }
    if (held.origin == ORIGIN_ZERO_SIZE) {
        free_zero_size(memory, caller);
        return;
    }
    if (unlikely(held.origin == ORIGIN_GUARDED)) {
        free_guarded(memory, held, caller);
        return;
    }
    if (mode.plain) {
        if (held.is_watched) {
            take_back_sampled(memory, held, caller);
        } else {
            brkm__take_back(memory, held, caller);
        }
        return;
    }
    size_t bytes =
        held.origin == ORIGIN_HEAP ? block_short_size(block_from_payload(memory)) : RETIRED_COST;
    retire(memory, held, caller);
    forget_sample(memory, held);
    if (mode.quarantine) {
        put_into_quarantine(memory, bytes);
    } else {
        release(memory);
    }
}

bool brkm__watch_drain(void)
{
    bool drained = false;
    for (void *payload; (payload = brkm__quarantine_take()) != NULL; drained = true) {
        release(payload);
    }
    return drained;
}

/* ---- Exit ---- */

static void verify_at_exit(void *memory)
{
    brkm__verify_in_use(memory, "exit");
}

static void check_region(const struct region *region)
{
    for (const struct mem_control_block *block = region->first; block_short_size(block) != 0;
         block = block_next(block)) {
        enum block_state state = block_state(block);
        if (state == BLOCK_DAMAGED) {
            brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                        (struct fault_place){block_payload(block), 0, "exit"});
        }
        if (state == BLOCK_WATCHED) {
            verify_at_exit(block_payload(block));
        }
    }
}

static void check_guarded(void)
{
    enum fault fault;
    const struct guarded_block *damaged = brkm__guarded_find_damaged(&fault);
    if (damaged != NULL) {
        brkm__explain_fatal(fault, (struct fault_place){.address = damaged->memory,
                                                        .block_size = damaged->size,
                                                        .caller = "exit"});
    }
}

void brkm__watch_check_all(void)
{
    check_guarded();
    if (!os_is_single_threaded()) {
        return;
    }
    for (const struct region *region = brkm__regions_next(NULL); region != NULL;
         region = brkm__regions_next(region)) {
        check_region(region);
    }
    brkm__mapped_visit(verify_at_exit);
    brkm__quarantine_visit(verify_if_in_heap);
}
