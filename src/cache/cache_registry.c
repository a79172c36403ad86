/* SPDX-License-Identifier: MIT
 * See cache_registry.h. */
#include "cache/cache_registry.h"

#include "base/facts.h"
#include "cache/home.h"
#include "cache/idle.h"
#include "kit/own_memory.h"

/* The first cache, so that a program with one thread needs no mapping. */
static _Alignas(BRKM_CACHE_LINE) struct thread_cache first_cache;

/* Bytes from one cache in a mapping to the next, and bytes of them that are mapped at a time. */
#define CACHE_BYTES ((sizeof(struct thread_cache) + BRKM_CACHE_LINE - 1) & ~(BRKM_CACHE_LINE - 1UL))
#define CACHES_BYTES (64 * BRKM_KIB)

static struct {
    struct lock lock;
    struct thread_cache *first; /* of those of living threads */
    size_t threads;             /* relaxed_store, relaxed_load in brkm__cache_threads */
    uint64_t made;              /* caches ever */
    /* Memory of caches that ended, linked by `next`, and the part of the last mapping that was not
     * used so far. */
    struct thread_cache *unused;
    char *fresh, *fresh_end;
    size_t mapped_bytes;
    bool first_is_taken;
    uint64_t refills, flushes; /* of threads that ended */
} registry;

/* ---- Memory ---- */

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

struct thread_cache *brkm__registry_take_memory(void)
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

/* ---- Begin and end ---- */

void brkm__registry_enter(struct thread_cache *cache)
{
    lock_acquire(&registry.lock);
    cache->next = registry.first;
    cache->link = &registry.first;
    if (cache->next != NULL) {
        cache->next->link = &cache->next;
    }
    __atomic_store_n(&registry.first, cache, __ATOMIC_RELEASE);
    relaxed_store(registry.threads, registry.threads + 1);
    cache->number = ++registry.made;
    lock_release(&registry.lock);
}

void brkm__registry_leave(struct thread_cache *cache)
{
    lock_acquire(&registry.lock);
    *cache->link = cache->next;
    if (cache->next != NULL) {
        cache->next->link = cache->link;
    }
    relaxed_store(registry.threads, registry.threads - 1);
    registry.refills += cache->refills;
    registry.flushes += cache->flushes;
    give_memory_back(cache);
    lock_release(&registry.lock);
}

size_t brkm__cache_threads(void)
{
    return relaxed_load(registry.threads);
}

/* ---- Statistics ---- */

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

/* ---- Fork ---- */

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
            relaxed_load(brkm__cache_keeper)->forget(cache->kept);
            give_memory_back(cache);
        }
    }
    registry.first = NULL;
    relaxed_store(registry.threads, (size_t)0);
    brkm__idle_reset(IDLE_IN_CACHES, cache_is_real(own) ? own->budget : 0);
    brkm__homes_reset(cache_is_real(own) ? own : NULL);
    if (cache_is_real(own)) {
        own->next = NULL;
        own->link = &registry.first;
        registry.first = own;
        relaxed_store(registry.threads, (size_t)1);
    }
}

#if BRKM_BARE_FORK
/* From each cache to the next the list is whole at any moment. Memory for caches to come may be in
 * the midst of a change: it is given up. */
void brkm__cache_settle(void)
{
    registry.unused = NULL;
    registry.fresh = registry.fresh_end = NULL;
    relaxed_store(registry.threads, (size_t)0);
    struct thread_cache **link = &registry.first;
    for (struct thread_cache *cache = registry.first; cache != NULL; cache = cache->next) {
        cache->link = link;
        link = &cache->next;
        relaxed_store(registry.threads, registry.threads + 1);
    }
}
#endif

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("first cache", &registry.first),
};
