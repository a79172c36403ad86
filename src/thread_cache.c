/* SPDX-License-Identifier: MIT
 * Layer 12: see thread_cache.h. What happens off the fast path: refill, flush, budgets, and the
 * beginning and end of a thread's cache. */
#include "thread_cache.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "depot.h"
#include "facts.h"
#include "heap.h"
#include "idle.h"
#include "lock.h"
#include "own_memory.h"
#include "perturb.h"
#include "probes.h"
#include "quarantine.h"
#include "report.h"
#include "supply.h"

/* A cache without blocks and without room. */
#define CACHE_NOTHING                                                    \
    {                                                                    \
        .bins = { [0 ... SIZE_CLASS_SLOTS - 1] = {.first = CACHED_END} } \
    }

/* Refills and flushes between two looks at whether a class is unused: with 209 classes each is
 * looked at every 1672 events, long enough for a class in use to have moved. */
#define EVENTS_PER_VISIT 8

/* Flushes without a refill between them after which a thread counts as one that gives memory back.
 * In mixed traffic as many in a row are rare: one time in 256. */
#define FLUSHES_IN_ROW 8

/* Blocks of a medium slot, beyond anything that its budget allows. */
#define MEDIUM_SLOT_CAPACITY UINT16_MAX

/* Classes that each flush of such a phase looks at: a few blocks left here and there would pin many
 * pages of a program that has freed everything. */
#define VISITS_WHEN_GIVING_BACK 4

/* Never written to: a full and empty bin is only read. A thread begins with the first and ends with
 * the second, which also says that no other cache shall be made. */
static struct thread_cache cache_before_first_use = CACHE_NOTHING;
static struct thread_cache cache_after_exit = CACHE_NOTHING;

/* The first cache, so that a program with one thread needs no mapping. */
static _Alignas(BRKM_CACHE_LINE) struct thread_cache first_cache;

/* Bytes from one cache in a mapping to the next, and bytes of them that are mapped at a time. */
#define CACHE_BYTES ((sizeof(struct thread_cache) + BRKM_CACHE_LINE - 1) & ~(BRKM_CACHE_LINE - 1UL))
#define CACHES_BYTES (64 * BRKM_KIB)

_Thread_local struct thread_cache *brkm__thread_cache = &cache_before_first_use;
size_t brkm__cache_hit_max = CACHE_HIT_MAX;

/* Every cache of a living thread. */
static struct {
    struct lock lock;
    struct thread_cache *first;
    size_t threads;
    uint64_t made; /* caches ever */
    /* Memory of caches that ended, linked by `next`, and the part of the last mapping that was not
     * used so far. */
    struct thread_cache *unused;
    char *fresh, *fresh_end;
    size_t mapped_bytes;
    bool first_is_taken;
    uint64_t refills, flushes; /* of threads that ended */
    /* Written once, by the constructor. */
    bool watching;
    pthread_key_t exit_key;
} registry;

/* Relaxed: a thread that sees the change a little later caches a little longer. */
static atomic_bool caches_closed;

static bool is_real(const struct thread_cache *cache)
{
    return cache != &cache_before_first_use && cache != &cache_after_exit;
}

void brkm__cache_watch_malloc(bool watched)
{
    relaxed_store(brkm__cache_hit_max, watched ? 0 : CACHE_HIT_MAX);
}

/* ---- Budget: what capacities cost ---- */

/* Takes `blocks` of unused capacity away. */
static void shrink_bin(struct thread_cache *cache, unsigned slot, unsigned blocks)
{
    struct cache_bin *bin = &cache->bins[slot];
    bin->capacity = (uint16_t)(bin->capacity - blocks);
    bin->room = (uint16_t)(bin->room - blocks);
    cache->budget_spent -= blocks * size_class_slot_size(slot);
}

/* Takes blocks out of a bin that has as many. */
static struct cached_list take_out(struct thread_cache *cache, unsigned slot, unsigned count)
{
    if (size_class_is_medium(slot)) {
        cache->budget_spent -= count * size_class_slot_size(slot);
    }
    probe_flush(cache->number, size_class_slot_size(slot), count);
    return brkm__cache_bin_take(&cache->bins[slot], count);
}

/* Looks at the next class in turn. When it was not used since the last look, half of its blocks go,
 * or all, and its idle room. */
static void visit_next_bin(struct thread_cache *cache, bool all)
{
    unsigned slot = cache->visited = (cache->visited + 1) % SIZE_CLASS_SLOTS;
    struct cache_bin *bin = &cache->bins[slot];
    if (bin->capacity != 0 && bin->room == bin->room_at_visit) {
        unsigned surplus = cache_bin_length(bin);
        surplus = all ? surplus : (surplus + 1) / 2;
        if (surplus != 0) {
            brkm__depot_put(slot, take_out(cache, slot, surplus));
        }
        if (!size_class_is_medium(slot)) {
            shrink_bin(cache, slot, bin->room);
        }
    }
    bin->room_at_visit = bin->room;
}

/* Some of the events off the fast path visit a class each, so that what a phase left behind goes in
 * time. */
static void visit_sometimes(struct thread_cache *cache)
{
    if ((cache->refills + cache->flushes) % EVENTS_PER_VISIT == 0) {
        visit_next_bin(cache, false);
    }
}

/* Blocks that a class in use may hold whatever the budget says: with less, moving batches would
 * cost more than it saves. Classes that are not in use lose even that when they are visited. */
static unsigned least_capacity(unsigned slot)
{
    return size_class_batch(slot) / 2;
}

/* Adds up to `blocks` to the capacity, as far as the budget goes. */
static void grow_bin(struct thread_cache *cache, unsigned slot, unsigned blocks)
{
    struct cache_bin *bin = &cache->bins[slot];
    size_t size = size_class_slot_size(slot);
    size_t left = cache->budget > cache->budget_spent ? cache->budget - cache->budget_spent : 0;
    if (blocks * size > left) {
        unsigned least = least_capacity(slot);
        size_t affordable = left < size ? 0 : left / size;
        if (bin->capacity + affordable < least) {
            affordable = least - bin->capacity;
        }
        blocks = (unsigned)min_size(blocks, affordable);
    }
    blocks = (unsigned)min_size(blocks, UINT16_MAX / 2u - bin->capacity);
    bin->capacity = (uint16_t)(bin->capacity + blocks);
    bin->room = (uint16_t)(bin->room + blocks);
    cache->budget_spent += blocks * size;
}

/* Takes unused capacity away while the cache is over its budget. */
static void obey_budget(struct thread_cache *cache, unsigned slot)
{
    struct cache_bin *bin = &cache->bins[slot];
    unsigned least = least_capacity(slot);
    if (cache->budget_spent > cache->budget && bin->capacity > least && bin->room > 1) {
        shrink_bin(cache, slot, (unsigned)min_size(bin->capacity - least, bin->room - 1u));
    }
}

static void raise_budget(struct thread_cache *cache, size_t bytes)
{
    if (brkm__idle_reserve(IDLE_IN_CACHES, bytes)) {
        cache->budget += bytes;
    }
}

static void lower_budget(struct thread_cache *cache, size_t bytes)
{
    bytes = min_size(bytes, cache->budget - BRKM_CACHE_BUDGET_MIN);
    if (bytes != 0) {
        brkm__idle_release(IDLE_IN_CACHES, bytes);
        cache->budget -= bytes;
    }
}

/* A class that is flushed and refilled in turn would do with more. */
static void learn(struct thread_cache *cache, unsigned slot, enum cache_history event)
{
    struct cache_bin *bin = &cache->bins[slot];
    if (bin->history != event) {
        if (bin->history != CACHE_HISTORY_NONE) {
            raise_budget(cache, size_class_batch(slot) * size_class_slot_size(slot));
        }
        bin->history = (uint8_t)event;
    }
}

static void note_refill(struct thread_cache *cache, unsigned slot)
{
    cache->refills++;
    cache->flushes_in_row = 0;
    learn(cache, slot, CACHE_HISTORY_REFILLED);
    visit_sometimes(cache);
}

/* True in a phase of frees alone. */
static bool is_giving_back(const struct thread_cache *cache)
{
    return cache->flushes_in_row > FLUSHES_IN_ROW;
}

static void note_flush(struct thread_cache *cache, unsigned slot)
{
    cache->flushes++;
    cache->flushes_in_row++;
    learn(cache, slot, CACHE_HISTORY_FLUSHED);
    if (likely(!is_giving_back(cache))) {
        visit_sometimes(cache);
        return;
    }
    lower_budget(cache, size_class_batch(slot) * size_class_slot_size(slot));
    for (unsigned i = 0; i < VISITS_WHEN_GIVING_BACK; i++) {
        visit_next_bin(cache, true);
    }
}

/* ---- Making and ending a cache ----
 *
 * Caches lie outside of the heap, where no write past a block's end gets: what they say of their
 * blocks is believed. Their memory is kept for the threads to come. */

/* Under the registry's lock. */
static bool map_fresh_caches(void)
{
    char *fresh = brkm__own_map(CACHES_BYTES);
    if (fresh == NULL) {
        return false;
    }
    registry.mapped_bytes += brkm__own_bytes(CACHES_BYTES);
    registry.fresh = fresh;
    registry.fresh_end = fresh + CACHES_BYTES / CACHE_BYTES * CACHE_BYTES;
    return true;
}

static struct thread_cache *take_memory(void)
{
    struct thread_cache *cache = NULL;
    lock_acquire(&registry.lock);
    if (!registry.first_is_taken) {
        registry.first_is_taken = true;
        cache = &first_cache;
    } else if (registry.unused != NULL) {
        cache = registry.unused;
        registry.unused = cache->next;
    } else if (registry.fresh != registry.fresh_end || map_fresh_caches()) {
        cache = (struct thread_cache *)registry.fresh;
        registry.fresh += CACHE_BYTES;
    }
    lock_release(&registry.lock);
    return cache;
}

/* Under the registry's lock. */
static void give_memory_back(struct thread_cache *cache)
{
    cache->next = registry.unused;
    registry.unused = cache;
}

static struct thread_cache *make_cache(void)
{
    struct thread_cache *cache = take_memory();
    if (cache == NULL) {
        return NULL;
    }
    annotate_ours(cache, sizeof(*cache));
    memcpy(cache, &cache_before_first_use, sizeof(*cache));
    cache->owner = (uintptr_t)pthread_self();
    cache->budget = BRKM_CACHE_BUDGET_MIN;
    brkm__idle_reserve_always(IDLE_IN_CACHES, cache->budget);
    for (unsigned slot = SIZE_CLASS_EXACT_SLOTS; slot < SIZE_CLASS_SLOTS; slot++) {
        cache->bins[slot].capacity = cache->bins[slot].room = MEDIUM_SLOT_CAPACITY;
    }
    return cache;
}

static void enter_registry(struct thread_cache *cache)
{
    lock_acquire(&registry.lock);
    cache->next = registry.first;
    cache->link = &registry.first;
    if (cache->next != NULL) {
        cache->next->link = &cache->next;
    }
    registry.first = cache;
    registry.threads++;
    cache->number = ++registry.made;
    lock_release(&registry.lock);
}

static void leave_registry(struct thread_cache *cache)
{
    lock_acquire(&registry.lock);
    *cache->link = cache->next;
    if (cache->next != NULL) {
        cache->next->link = cache->link;
    }
    registry.threads--;
    registry.refills += cache->refills;
    registry.flushes += cache->flushes;
    give_memory_back(cache);
    lock_release(&registry.lock);
}

static void leave_cache(struct thread_cache *cache, struct thread_cache *instead);

/* What own_cache does for a thread without a cache, or with one that is to end. */
static BRKM_COLD struct thread_cache *find_cache(struct thread_cache *cache)
{
    if (atomic_load_explicit(&caches_closed, memory_order_relaxed)) {
        if (is_real(cache)) {
            leave_cache(cache, &cache_before_first_use);
        }
        return NULL;
    }
    if (cache == &cache_after_exit) {
        return NULL;
    }
    brkm__cached_draw_secret();
    cache = make_cache();
    if (cache != NULL) {
        enter_registry(cache);
        brkm__thread_cache = cache;
        probe_cache_begin(cache->number, cache->budget);
        if (registry.watching) {
            /* May allocate, which then finds the cache. */
            pthread_setspecific(registry.exit_key, cache);
        }
    }
    return cache;
}

/* The calling thread's cache, made if need be; NULL when the thread is past its end, memory is
 * short or caches are closed. */
static inline struct thread_cache *own_cache(void)
{
    struct thread_cache *cache = brkm__thread_cache;
    bool closed = atomic_load_explicit(&caches_closed, memory_order_relaxed);
    return likely(!closed && is_real(cache)) ? cache : find_cache(cache);
}

static bool flush_bins(struct thread_cache *cache, void (*give)(unsigned, struct cached_list))
{
    bool flushed = false;
    for (unsigned slot = 0; slot < SIZE_CLASS_SLOTS; slot++) {
        struct cache_bin *bin = &cache->bins[slot];
        bool single = size_class_is_medium(slot);
        while (cache_bin_length(bin) != 0) {
            unsigned batch = single ? UINT16_MAX : size_class_batch(slot);
            unsigned count = (unsigned)min_size(batch, cache_bin_length(bin));
            give(slot, take_out(cache, slot, count));
            flushed = true;
        }
        if (!single) {
            shrink_bin(cache, slot, bin->room);
        }
    }
    return flushed;
}

static void give_to_heap(unsigned slot, struct cached_list list)
{
    (void)slot;
    brkm__heap_free_list(&brkm__main_heap, list);
}

bool brkm__cache_flush_all(void)
{
    struct thread_cache *cache = brkm__thread_cache;
    return is_real(cache) && flush_bins(cache, give_to_heap);
}

/* Ends the calling thread's cache. */
static void leave_cache(struct thread_cache *cache, struct thread_cache *instead)
{
    brkm__thread_cache = instead;
    if (registry.watching) {
        pthread_setspecific(registry.exit_key, NULL);
    }
    brkm__quarantine_hand_over(cache->quarantine);
    flush_bins(cache, brkm__depot_put);
    brkm__idle_release(IDLE_IN_CACHES, cache->budget);
    probe_cache_end(cache->number, cache->refills, cache->flushes);
    leave_registry(cache);
}

void brkm__cache_close(bool closed)
{
    atomic_store_explicit(&caches_closed, closed, memory_order_relaxed);
    if (closed) {
        own_cache();
        brkm__depot_drain();
    }
}

/* Later rounds of thread-specific destructors may still free and allocate: the cache asks to be
 * called again and ends in the last round but one that POSIX promises. The last is left to those
 * who must come after everybody, such as the thread sanitizer. */
static void end_thread(void *value)
{
    struct thread_cache *cache = value;
    if (++cache->rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1) {
        pthread_setspecific(registry.exit_key, cache);
        return;
    }
    leave_cache(cache, &cache_after_exit);
}

void brkm__cache_watch_threads(void)
{
    if (pthread_key_create(&registry.exit_key, end_thread) != 0) {
        return;
    }
    registry.watching = true;
    struct thread_cache *cache = brkm__thread_cache;
    if (is_real(cache)) {
        pthread_setspecific(registry.exit_key, cache);
    }
}

/* ---- Refill ---- */

static struct mem_control_block *use_first(struct cached_list *list)
{
    if (list->count == 0) {
        return NULL;
    }
    struct mem_control_block *block = cached_list_pop(list);
    block_change_state(block, BLOCK_CACHED, BLOCK_IN_USE);
    return block;
}

static struct mem_control_block *refill(struct thread_cache *cache, size_t size, size_t alignment)
{
    unsigned slot = size_class_slot_below(size);
    struct cache_bin *bin = &cache->bins[slot];
    if (unlikely(bin->first != CACHED_END && !cached_link_is_sound(bin->first))) {
        /* What the fast path took for an empty slot. */
        brkm__cached_link_is_bad(bin->first);
    }
    note_refill(cache, slot);
    if (size_class_is_medium(slot) || bin->first != CACHED_END) {
        struct mem_control_block *single = brkm__supply_block(size, alignment, NULL);
        probe_refill(cache->number, size, single != NULL);
        return single;
    }
    bin->batch = (uint8_t)min_size(max_size((size_t)bin->batch * 2, 1), size_class_batch(slot));
    struct cached_list list = brkm__supply_list(slot, bin->batch, alignment);
    probe_refill(cache->number, size, list.count);
    struct mem_control_block *first = use_first(&list);
    if (list.count > bin->capacity) {
        grow_bin(cache, slot, list.count - bin->capacity);
    }
    if (list.count > bin->capacity) {
        struct cached_list fitting = brkm__cached_list_cut(&list, bin->capacity);
        brkm__depot_put(slot, list);
        list = fitting;
    }
    brkm__cache_bin_fill(bin, list);
    return first;
}

static BRKM_COLD struct mem_control_block *supply_without_cache(size_t size, size_t alignment)
{
    struct mem_control_block *block = brkm__supply_block(size, alignment, NULL);
    if (block != NULL) {
        brkm__perturb_new(block_payload(block), block_usable_size(block));
    }
    return block;
}

struct mem_control_block *brkm__cache_refill(size_t size, size_t alignment)
{
    struct thread_cache *cache = own_cache();
    if (likely(cache != NULL)) {
        return refill(cache, size, alignment);
    }
    return supply_without_cache(size, alignment);
}

/* ---- Flush ---- */

/* Makes room for a block in an exact slot: by more capacity while the class starts, and when it was
 * refilled since the last flush; otherwise, or past the budget, a batch goes to the depot. */
static bool make_room(struct thread_cache *cache, unsigned slot)
{
    struct cache_bin *bin = &cache->bins[slot];
    unsigned batch = size_class_batch(slot);
    bool wants_more = bin->capacity < 2 * batch || bin->history == CACHE_HISTORY_REFILLED;
    note_flush(cache, slot);
    if (bin->room == 0 && wants_more) {
        grow_bin(cache, slot, (unsigned)min_size(max_size(bin->capacity, 1), batch));
    }
    if (bin->room == 0) {
        /* In a phase of frees alone nothing asks for what would be kept. */
        unsigned most = is_giving_back(cache) ? UINT8_MAX : batch;
        unsigned count = (unsigned)min_size(most, cache_bin_length(bin));
        if (count != 0) {
            brkm__depot_put(slot, take_out(cache, slot, count));
        }
        obey_budget(cache, slot);
    }
    return bin->room != 0;
}

static bool keep(struct thread_cache *cache, struct mem_control_block *block)
{
    size_t size = block_short_size(block);
    if (size > BRKM_CACHED_EXACT_MAX) {
        struct medium_slot class = size_class_medium_below(size);
        note_flush(cache, class.slot);
        return cache_keep_medium(cache, class, block);
    }
    unsigned slot = size_class_slot_below(size);
    return make_room(cache, slot) && cache_bin_push(&cache->bins[slot], block);
}

static BRKM_COLD void free_without_cache(struct mem_control_block *block)
{
    brkm__perturb_freed(block_payload(block), block_usable_size(block));
    brkm__heap_free(&brkm__main_heap, block, "free");
}

void brkm__cache_keep(struct mem_control_block *block)
{
    struct thread_cache *cache = own_cache();
    if (unlikely(cache == NULL)) {
        free_without_cache(block);
    } else if (!keep(cache, block)) {
        brkm__heap_free(&brkm__main_heap, block, "free");
    }
}

void brkm__cache_verify_and_keep(void *payload)
{
    struct mem_control_block *block = block_from_payload(payload);
    if (unlikely(!block_is(block, BLOCK_IN_USE))) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                    (struct fault_place){.address = payload, .caller = "free"});
    }
    brkm__cache_keep(block);
}

/* ---- All caches ---- */

/* Reads what the owner writes without any order: a number for statistics. */
__attribute__((no_sanitize("thread"))) static void
add_bin(struct cache_record *record, const struct cache_bin *bin, unsigned slot)
{
    unsigned capacity = __atomic_load_n(&bin->capacity, __ATOMIC_RELAXED);
    unsigned room = __atomic_load_n(&bin->room, __ATOMIC_RELAXED);
    if (room < capacity) {
        record->blocks += capacity - room;
        record->bytes += (capacity - room) * size_class_slot_size(slot);
    }
}

__attribute__((no_sanitize("thread"))) static struct cache_record
describe(const struct thread_cache *cache)
{
    struct cache_record record = {
        .number = cache->number,
        .budget = __atomic_load_n(&cache->budget, __ATOMIC_RELAXED),
        .refills = __atomic_load_n(&cache->refills, __ATOMIC_RELAXED),
        .flushes = __atomic_load_n(&cache->flushes, __ATOMIC_RELAXED),
    };
    for (unsigned slot = 0; slot < SIZE_CLASS_SLOTS; slot++) {
        add_bin(&record, &cache->bins[slot], slot);
    }
    return record;
}

struct cache_totals brkm__cache_totals(void)
{
    lock_acquire(&registry.lock);
    struct cache_totals totals = {
        .threads = registry.threads,
        .refills = registry.refills,
        .flushes = registry.flushes,
        .contended = registry.lock.contended,
        .own_bytes = registry.mapped_bytes,
    };
    for (struct thread_cache *cache = registry.first; cache != NULL; cache = cache->next) {
        struct cache_record record = describe(cache);
        totals.blocks += record.blocks;
        totals.bytes += record.bytes;
        totals.refills += record.refills;
        totals.flushes += record.flushes;
    }
    lock_release(&registry.lock);
    return totals;
}

size_t brkm__cache_records(struct cache_record *records, size_t most)
{
    size_t count = 0;
    lock_acquire(&registry.lock);
    for (struct thread_cache *cache = registry.first; cache != NULL && count < most;
         cache = cache->next) {
        records[count++] = describe(cache);
    }
    lock_release(&registry.lock);
    return count;
}

struct lock *brkm__cache_lock(void)
{
    return &registry.lock;
}

void brkm__cache_forget_other_threads(void)
{
    struct thread_cache *own = brkm__thread_cache;
    for (struct thread_cache *cache = registry.first, *next; cache != NULL; cache = next) {
        next = cache->next;
        if (cache != own) {
            brkm__quarantine_forget(cache->quarantine);
            give_memory_back(cache);
        }
    }
    registry.first = NULL;
    registry.threads = 0;
    brkm__idle_reset(IDLE_IN_CACHES, is_real(own) ? own->budget : 0);
    if (is_real(own)) {
        own->next = NULL;
        own->link = &registry.first;
        registry.first = own;
        registry.threads = 1;
    }
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("first cache", &registry.first),
    FACT("cache slots", SIZE_CLASS_SLOTS),
    FACT("exact slots", SIZE_CLASS_EXACT_SLOTS),
    FACT_SIZE(thread_cache),
    FACT_OFFSET(thread_cache, bins),
    FACT_OFFSET(thread_cache, budget),
    FACT_OFFSET(thread_cache, refills),
    FACT_OFFSET(thread_cache, flushes),
    FACT_OFFSET(thread_cache, number),
    FACT_OFFSET(thread_cache, owner),
    FACT_OFFSET(thread_cache, next),
    FACT_SIZE(cache_bin),
    FACT_OFFSET(cache_bin, first),
    FACT_OFFSET(cache_bin, room),
    FACT_OFFSET(cache_bin, capacity),
};
