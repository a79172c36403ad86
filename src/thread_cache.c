/* SPDX-License-Identifier: MIT
 * Layer 10: see thread_cache.h. What happens off the fast path: refill, flush, budgets, and the
 * beginning and end of a thread's cache. */
#include "thread_cache.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "depot.h"
#include "heap.h"
#include "lock.h"
#include "report.h"

/* A cache without blocks and without room. */
#define CACHE_NOTHING                                                    \
    {                                                                    \
        .bins = { [0 ... SIZE_CLASS_SLOTS - 1] = {.first = CACHED_END} } \
    }

/* Refills and flushes between two looks at whether a class is unused: with 169 classes each is
 * looked at every 1352 events, long enough for a class in use to have moved. */
#define EVENTS_PER_VISIT 8

/* Never written to: a full and empty bin is only read. A thread begins with the first and ends with
 * the second, which also says that no other cache shall be made. */
static struct thread_cache cache_before_first_use = CACHE_NOTHING;
static struct thread_cache cache_after_exit = CACHE_NOTHING;

_Thread_local struct thread_cache *brkm__thread_cache = &cache_before_first_use;

/* Every cache of a living thread. */
static struct {
    struct lock lock;
    struct thread_cache *first;
    size_t threads;
    uint64_t refills, flushes; /* of threads that ended */
    /* Written once, by the constructor. */
    bool watching;
    pthread_key_t exit_key;
} registry;

/* Bytes of all budgets above BRKM_CACHE_BUDGET_MIN. Relaxed: a bound on memory. */
static _Atomic(size_t) shared_budget;

static bool is_real(const struct thread_cache *cache)
{
    return cache != &cache_before_first_use && cache != &cache_after_exit;
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

/* Takes half of the blocks of a class that was not used since the last visit, and its idle room.
 * Some of the events off the fast path visit one class each, so that what a phase left behind goes
 * in time. */
static void visit_next_bin(struct thread_cache *cache)
{
    if ((cache->refills + cache->flushes) % EVENTS_PER_VISIT != 0) {
        return;
    }
    unsigned slot = cache->visited = (cache->visited + 1) % SIZE_CLASS_SLOTS;
    struct cache_bin *bin = &cache->bins[slot];
    bool unused = bin->capacity != 0 && bin->room == bin->room_at_visit;
    if (unused) {
        unsigned surplus = (cache_bin_length(bin) + 1) / 2;
        if (surplus != 0) {
            brkm__depot_put(slot, brkm__cache_bin_take(bin, surplus));
        }
        shrink_bin(cache, slot, bin->room);
    }
    bin->room_at_visit = bin->room;
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
    size_t affordable =
        cache->budget > cache->budget_spent ? (cache->budget - cache->budget_spent) / size : 0;
    if (bin->capacity + affordable < least_capacity(slot)) {
        affordable = least_capacity(slot) - bin->capacity;
    }
    blocks = (unsigned)min_size(min_size(blocks, affordable), UINT16_MAX / 2u - bin->capacity);
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

/* Bytes that all budgets together may have above their first. */
static size_t shared_bound(void)
{
    return max_size(BRKM_CACHE_SHARED_MIN,
                    heap_handed_out(&brkm__main_heap) / BRKM_CACHE_SHARED_SHARE);
}

static void raise_budget(struct thread_cache *cache, size_t bytes)
{
    size_t before = atomic_fetch_add_explicit(&shared_budget, bytes, memory_order_relaxed);
    if (before + bytes > shared_bound()) {
        atomic_fetch_sub_explicit(&shared_budget, bytes, memory_order_relaxed);
    } else {
        cache->budget += bytes;
    }
}

static void lower_budget(struct thread_cache *cache, size_t bytes)
{
    bytes = min_size(bytes, cache->budget - BRKM_CACHE_BUDGET_MIN);
    atomic_fetch_sub_explicit(&shared_budget, bytes, memory_order_relaxed);
    cache->budget -= bytes;
}

/* A class that is flushed and refilled in turn would do with more; one that is only flushed belongs
 * to a phase that gives memory back. */
static void learn(struct thread_cache *cache, unsigned slot, enum cache_history event)
{
    struct cache_bin *bin = &cache->bins[slot];
    size_t bytes = size_class_batch(slot) * size_class_slot_size(slot);
    if (bin->history != event && bin->history != CACHE_HISTORY_NONE) {
        raise_budget(cache, bytes);
    } else if (event == CACHE_HISTORY_FLUSHED) {
        lower_budget(cache, bytes);
    }
    bin->history = (uint8_t)event;
}

/* ---- Making and ending a cache ---- */

static struct thread_cache *make_cache(void)
{
    size_t size = block_size_for_request(sizeof(struct thread_cache));
    struct mem_control_block *block =
        brkm__heap_allocate_aligned(&brkm__main_heap, size, 64, HEAP_MAY_GROW);
    if (block == NULL) {
        return NULL;
    }
    struct thread_cache *cache = block_payload(block);
    annotate_ours(cache, sizeof(*cache));
    memcpy(cache, &cache_before_first_use, sizeof(*cache));
    cache->budget = BRKM_CACHE_BUDGET_MIN;
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
    lock_release(&registry.lock);
}

/* The calling thread's cache, made if need be; NULL when the thread is past its end or memory is
 * short. */
static struct thread_cache *own_cache(void)
{
    struct thread_cache *cache = brkm__thread_cache;
    if (likely(is_real(cache))) {
        return cache;
    }
    if (cache == &cache_after_exit) {
        return NULL;
    }
    brkm__cached_draw_secret();
    cache = make_cache();
    if (cache != NULL) {
        enter_registry(cache);
        brkm__thread_cache = cache;
        if (registry.watching) {
            /* May allocate, which then finds the cache. */
            pthread_setspecific(registry.exit_key, cache);
        }
    }
    return cache;
}

static bool flush_bins(struct thread_cache *cache, void (*give)(unsigned, struct cached_list))
{
    bool flushed = false;
    for (unsigned slot = 0; slot < SIZE_CLASS_SLOTS; slot++) {
        struct cache_bin *bin = &cache->bins[slot];
        unsigned batch = bin->capacity == 0 ? 0 : size_class_batch(slot);
        while (cache_bin_length(bin) != 0) {
            give(slot, brkm__cache_bin_take(bin, (unsigned)min_size(batch, cache_bin_length(bin))));
            flushed = true;
        }
        shrink_bin(cache, slot, bin->room);
    }
    return flushed;
}

static void give_to_heap(unsigned slot, struct cached_list list)
{
    (void)slot;
    brkm__depot_return_to_heap(list);
}

bool brkm__cache_flush_all(void)
{
    struct thread_cache *cache = brkm__thread_cache;
    return is_real(cache) && flush_bins(cache, give_to_heap);
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
    brkm__thread_cache = &cache_after_exit;
    flush_bins(cache, brkm__depot_put);
    lower_budget(cache, cache->budget);
    leave_registry(cache);
    brkm__heap_free(&brkm__main_heap, block_from_payload(cache), "thread exit");
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

/* Up to `count` blocks in use from the heap; before the heap grows, the depot gives back what it
 * has. */
static size_t take_from_heap(size_t size, size_t count, struct mem_control_block **blocks)
{
    struct heap *heap = &brkm__main_heap;
    size_t got = brkm__heap_allocate_batch(heap, size, count, HEAP_AS_IT_IS, blocks);
    if (got == 0 && brkm__depot_drain()) {
        got = brkm__heap_allocate_batch(heap, size, count, HEAP_AS_IT_IS, blocks);
    }
    if (got == 0) {
        got = brkm__heap_allocate_batch(heap, size, count, HEAP_MAY_GROW, blocks);
    }
    return got;
}

static struct mem_control_block *take_one_from_heap(size_t size)
{
    struct mem_control_block *block = NULL;
    take_from_heap(size, 1, &block);
    return block;
}

static struct mem_control_block *use_first(struct cached_list *list)
{
    struct mem_control_block *block = brkm__cached_list_pop(list);
    block_set_state(block, BLOCK_IN_USE);
    return block;
}

static struct mem_control_block *refill(struct thread_cache *cache, unsigned slot)
{
    struct cache_bin *bin = &cache->bins[slot];
    if (unlikely(cache_bin_length(bin) != 0)) {
        /* Not empty, so the fast path stopped at a link that is bad. */
        brkm__cached_link_is_bad(bin->first);
    }
    cache->refills++;
    learn(cache, slot, CACHE_HISTORY_REFILLED);
    visit_next_bin(cache);
    unsigned most = size_class_batch(slot);
    bin->batch = (uint8_t)min_size(max_size((size_t)bin->batch * 2, 1), most);
    struct cached_list list = brkm__depot_take(slot);
    if (list.count == 0) {
        struct mem_control_block *blocks[BRKM_BATCH_BLOCKS];
        size_t got = take_from_heap(size_class_slot_size(slot), bin->batch, blocks);
        while (got > 0) {
            brkm__cached_list_push(&list, blocks[--got]);
        }
    }
    if (list.count == 0) {
        return NULL;
    }
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

struct mem_control_block *brkm__cache_refill(unsigned slot)
{
    struct thread_cache *cache = own_cache();
    if (likely(cache != NULL)) {
        return refill(cache, slot);
    }
    return take_one_from_heap(size_class_slot_size(slot));
}

/* ---- Flush ---- */

/* Makes room for a block: by more capacity while the class starts, and when it was refilled since
 * the last flush; otherwise, or past the budget, a batch goes to the depot. */
static bool make_room(struct thread_cache *cache, unsigned slot)
{
    struct cache_bin *bin = &cache->bins[slot];
    unsigned batch = size_class_batch(slot);
    bool wants_more = bin->capacity < 2 * batch || bin->history == CACHE_HISTORY_REFILLED;
    cache->flushes++;
    learn(cache, slot, CACHE_HISTORY_FLUSHED);
    visit_next_bin(cache);
    if (bin->room == 0 && wants_more) {
        grow_bin(cache, slot, (unsigned)min_size(max_size(bin->capacity, 1), batch));
    }
    if (bin->room != 0) {
        return true;
    }
    unsigned count = (unsigned)min_size(batch, cache_bin_length(bin));
    if (count != 0) {
        brkm__depot_put(slot, brkm__cache_bin_take(bin, count));
    }
    obey_budget(cache, slot);
    return bin->room != 0;
}

static void send_to_depot(unsigned slot, struct mem_control_block *block)
{
    struct cached_list list = cached_list_empty();
    brkm__cached_list_push(&list, block);
    brkm__depot_put(slot, list);
}

void brkm__cache_keep(void *payload)
{
    struct mem_control_block *block = block_from_payload(payload);
    unsigned slot = size_class_slot_below(block_short_size(block));
    struct thread_cache *cache = own_cache();
    if (unlikely(cache == NULL)) {
        brkm__heap_free(&brkm__main_heap, block, "free");
        return;
    }
    if (!make_room(cache, slot)) {
        send_to_depot(slot, block);
        return;
    }
    cache_bin_push(&cache->bins[slot], block);
}

/* ---- All caches ---- */

/* Reads what the owner writes without any order: a number for statistics. */
__attribute__((no_sanitize("thread"))) static void
add_bin(struct cache_totals *totals, const struct cache_bin *bin, unsigned slot)
{
    unsigned capacity = __atomic_load_n(&bin->capacity, __ATOMIC_RELAXED);
    unsigned room = __atomic_load_n(&bin->room, __ATOMIC_RELAXED);
    if (room < capacity) {
        totals->blocks += capacity - room;
        totals->bytes += (capacity - room) * size_class_slot_size(slot);
    }
}

__attribute__((no_sanitize("thread"))) struct cache_totals brkm__cache_totals(void)
{
    lock_acquire(&registry.lock);
    struct cache_totals totals = {
        .threads = registry.threads,
        .refills = registry.refills,
        .flushes = registry.flushes,
        .contended = registry.lock.contended,
    };
    for (struct thread_cache *cache = registry.first; cache != NULL; cache = cache->next) {
        for (unsigned slot = 0; slot < SIZE_CLASS_SLOTS; slot++) {
            add_bin(&totals, &cache->bins[slot], slot);
        }
        totals.refills += __atomic_load_n(&cache->refills, __ATOMIC_RELAXED);
        totals.flushes += __atomic_load_n(&cache->flushes, __ATOMIC_RELAXED);
    }
    lock_release(&registry.lock);
    return totals;
}

struct lock *brkm__cache_lock(void)
{
    return &registry.lock;
}

void brkm__cache_forget_other_threads(void)
{
    struct thread_cache *own = brkm__thread_cache;
    registry.first = NULL;
    registry.threads = 0;
    atomic_store_explicit(&shared_budget, 0, memory_order_relaxed);
    if (is_real(own)) {
        atomic_store_explicit(&shared_budget, own->budget - BRKM_CACHE_BUDGET_MIN,
                              memory_order_relaxed);
        own->next = NULL;
        own->link = &registry.first;
        registry.first = own;
        registry.threads = 1;
    }
}
