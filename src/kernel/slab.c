/* SPDX-License-Identifier: MIT
 * See slab.h. */
#include "kernel/slab.h"

#include <string.h>

#include "base/facts.h"
#include "kernel/debug.h"
#include "kernel/note.h"
#include "kernel/own.h"
#include "kernel/pages.h"
#include "kit/report.h"
#include "malloc/malloc.h"
#include "system/os.h"

/* A slab holds at least so many objects, where it may: what is left at its end is then at most an
 * eighth. */
#define SLAB_OBJECTS_MIN 8u

/* Bytes of objects, and objects, that a thread keeps at most per cache. */
#define MAGAZINE_BYTES (16u * 1024)
#define MAGAZINE_MOST 64u
#define MAGAZINE_LEAST 4u

/* Bytes from one colour to the next: a processor's cache line. */
#define COLOUR_STEP 64u

/* Empty slabs that a cache keeps. */
#define EMPTY_KEPT 1u

/* Bytes of records that come from the system at a time. */
#define RECORDS_BYTES (16u * 1024)

/* Records without pages; and while the lock is held no slab goes whose pages say that it is there.
 */
static struct {
    struct spin lock;
    struct slab *first;
} records;

/* ---- Layout ---- */

static unsigned order_of(size_t bytes)
{
    return brkm_get_order(bytes);
}

void brkm__slab_lay_out(struct brkm_kmem_cache *cache, unsigned align)
{
    cache->stride = (unsigned)align_up(cache->stride, align);
    size_t bytes = max_size(SLAB_BYTES, cache->stride);
    if (cache->stride <= SLAB_SHARED_MAX) {
        size_t wanted = max_size(SLAB_BYTES, (size_t)cache->stride * SLAB_OBJECTS_MIN);
        bytes = min_size(wanted, SLAB_BYTES_MAX);
    }
    cache->order = order_of(bytes);
    size_t whole = (size_t)1 << (brkm__page_shift() + cache->order);
    bool is_shared = cache->stride <= SLAB_SHARED_MAX && whole <= SLAB_BYTES_MAX;
    cache->objects = is_shared ? (unsigned)(whole / cache->stride) : 1;
    cache->reciprocal = cache->objects > 1
                            ? (uint32_t)(((UINT64_C(1) << 32) + cache->stride - 1) / cache->stride)
                            : SINGLE_RECIPROCAL;
    size_t rest = whole - (size_t)cache->objects * cache->stride;
    cache->colour_step = align > COLOUR_STEP ? align : COLOUR_STEP;
    cache->colours = is_shared ? (unsigned)(rest / cache->colour_step) + 1 : 1;
    unsigned fitting = (unsigned)min_size(MAGAZINE_BYTES / cache->stride, MAGAZINE_MOST);
    cache->capacity =
        cache->capacity != 0 ? cache->capacity : (unsigned)max_size(fitting, MAGAZINE_LEAST);
}

static void *object_at(const struct slab *slab, size_t index)
{
    return (void *)(slab->first + index * slab->cache->stride);
}

/* ---- Lists of slabs ---- */

static void link_slab(struct slab_list *list, struct slab *slab)
{
    slab->previous = NULL;
    slab->next = list->first;
    if (list->first != NULL) {
        list->first->previous = slab;
    }
    list->first = slab;
    relaxed_store(list->count, list->count + 1);
}

static void unlink_slab(struct slab_list *list, struct slab *slab)
{
    if (slab->next != NULL) {
        slab->next->previous = slab->previous;
    }
    if (slab->previous != NULL) {
        slab->previous->next = slab->next;
    } else {
        list->first = slab->next;
    }
    relaxed_store(list->count, list->count - 1);
}

static struct slab_list *list_for(struct brkm_kmem_cache *cache, uint32_t free)
{
    if (free == 0) {
        return &cache->full;
    }
    return free == cache->objects ? &cache->empty : &cache->partial;
}

static void change_free(struct brkm_kmem_cache *cache, struct slab *slab, uint32_t free)
{
    brkm_assert(spin_is_taken(&cache->lock), "the cache's lock is held");
    struct slab_list *before = list_for(cache, slab->free);
    struct slab_list *after = list_for(cache, free);
    relaxed_store(cache->free_objects, cache->free_objects + free - slab->free);
    slab->free = free;
    if (before != after) {
        unlink_slab(before, slab);
        link_slab(after, slab);
    }
}

/* ---- Objects of a slab, under the cache's lock ---- */

static struct magazine_entry take_object(struct slab *slab)
{
    uint32_t i = slab->hint;
    while (relaxed_load(slab->states[i]) != OBJECT_FREE) {
        i++;
    }
    slab->hint = i + 1;
    relaxed_store(slab->states[i], OBJECT_KEPT);
    return (struct magazine_entry){object_at(slab, i), &slab->states[i]};
}

static struct slab *slab_of(const void *object)
{
    return page_of(object)->u.slab;
}

static void give_object(struct brkm_kmem_cache *cache, struct slab *slab, uint8_t *state)
{
    uint32_t index = (uint32_t)(state - slab->states);
    relaxed_store(*state, OBJECT_FREE);
    slab->hint = index < slab->hint ? index : slab->hint;
    change_free(cache, slab, slab->free + 1);
}

static void push_deferred(struct brkm_kmem_cache *cache, struct slab *slab)
{
    struct slab *first = __atomic_load_n(&cache->deferred, __ATOMIC_RELAXED);
    do {
        slab->next_deferred = first;
    } while (!__atomic_compare_exchange_n(&cache->deferred, &first, slab, true, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
}

/* Object number i, if it is deferred, becomes free. False when the recorder cannot hear of it now.
 */
static bool collect(struct brkm_kmem_cache *cache, struct slab *slab, unsigned i)
{
    uint8_t state = __atomic_load_n(&slab->states[i], __ATOMIC_SEQ_CST);
    if (state == OBJECT_ENDED && !kernel_try_forget(object_at(slab, i))) {
        return false;
    }
    if (state == OBJECT_DEFERRED || state == OBJECT_ENDED) {
        give_object(cache, slab, &slab->states[i]);
    }
    return true;
}

/* Objects that were freed without the lock come home. */
static void collect_deferred(struct brkm_kmem_cache *cache)
{
    if (likely(__atomic_load_n(&cache->deferred, __ATOMIC_RELAXED) == NULL)) {
        return;
    }
    struct slab *slab = __atomic_exchange_n(&cache->deferred, NULL, __ATOMIC_ACQUIRE);
    while (slab != NULL) {
        struct slab *next = slab->next_deferred;
        /* Before the look: who defers from now on puts the slab on the list again. */
        __atomic_store_n(&slab->is_deferred, 0, __ATOMIC_SEQ_CST);
        bool all_came = true;
        for (unsigned i = 0; i < cache->objects; i++) {
            all_came &= collect(cache, slab, i);
        }
        if (!all_came && __atomic_exchange_n(&slab->is_deferred, 1, __ATOMIC_SEQ_CST) == 0) {
            push_deferred(cache, slab);
        }
        slab = next;
    }
}

static struct slab *slab_with_free(struct brkm_kmem_cache *cache)
{
    return cache->partial.first != NULL ? cache->partial.first : cache->empty.first;
}

static bool take_one(struct brkm_kmem_cache *cache, struct magazine_entry *entry)
{
    struct slab *slab = slab_with_free(cache);
    if (slab == NULL) {
        return false;
    }
    *entry = take_object(slab);
    change_free(cache, slab, slab->free - 1);
    return true;
}

/* ---- Records ---- */

static bool make_records(void)
{
    struct slab *made = kernel_own_map(RECORDS_BYTES);
    for (size_t i = 0; made != NULL && i < RECORDS_BYTES / sizeof(*made); i++) {
        made[i].first = SLAB_NOWHERE;
        made[i].next = records.first;
        records.first = &made[i];
    }
    return made != NULL;
}

static struct slab *take_record(void)
{
    spin_acquire(&records.lock);
    struct slab *slab = records.first != NULL || make_records() ? records.first : NULL;
    if (slab != NULL) {
        records.first = slab->next;
    }
    spin_release(&records.lock);
    return slab;
}

static void give_record(struct slab *slab)
{
    spin_acquire(&records.lock);
    slab->next = records.first;
    records.first = slab;
    spin_release(&records.lock);
}

void brkm__slab_records_lock(void)
{
    spin_acquire(&records.lock);
}

void brkm__slab_records_open(void)
{
    spin_release(&records.lock);
}

/* ---- Slabs come and go ---- */

static unsigned colour_of_next(struct brkm_kmem_cache *cache)
{
    unsigned number = __atomic_fetch_add(&cache->next_colour, 1, __ATOMIC_RELAXED);
    return number % cache->colours * cache->colour_step;
}

/* The slab of a cache that begins at `start`, all of its objects free. */
static void begin_slab(struct slab *slab, struct brkm_kmem_cache *cache, struct brkm_page *page,
                       uint8_t *states)
{
    relaxed_store(slab->reciprocal, cache->reciprocal);
    slab->magazine = cache->magazine;
    slab->states = states;
    slab->cache = cache;
    slab->page = page;
    slab->free = cache->objects;
    slab->hint = 0;
    slab->is_deferred = 0;
    uintptr_t start = (uintptr_t)brkm__page_start(page) + cache->front + colour_of_next(cache);
    __atomic_store_n(&slab->first, start, __ATOMIC_RELEASE);
}

/* Its states go; the record stays. */
static void end_slab(struct slab *slab)
{
    relaxed_store(slab->first, SLAB_NOWHERE);
    brkm_free(slab->states);
    give_record(slab);
}

static void construct(struct slab *slab)
{
    for (unsigned i = 0; i < slab->cache->objects; i++) {
        brkm__debug_new(slab->cache, object_at(slab, i));
        if (slab->cache->ctor != NULL) {
            slab->cache->ctor(object_at(slab, i));
        }
    }
}

static void name_pages(struct brkm_page *page, unsigned order, struct slab *slab)
{
    for (size_t i = 0; i < (size_t)1 << order; i++) {
        page[i].u.slab = slab;
        __atomic_store_n(&page[i].kind, PAGE_SLAB, __ATOMIC_RELEASE);
    }
}

/* The pages are one block in use again. */
static void forget_pages(struct brkm_page *page, unsigned order)
{
    spin_acquire(&records.lock);
    for (size_t i = 0; i < (size_t)1 << order; i++) {
        relaxed_store(page[i].kind, i == 0 ? PAGE_IN_USE : PAGE_TAIL);
    }
    spin_release(&records.lock);
}

static bool grow(struct brkm_kmem_cache *cache)
{
    bool is_clean;
    struct slab *slab = take_record();
    uint8_t *states = slab == NULL ? NULL : brkm_calloc(1, cache->objects + 1);
    struct brkm_page *page =
        states == NULL ? NULL
                       : brkm__pages_take(GFP_ZONE_NORMAL, cache->order, PAGES_MAY_WAIT, &is_clean);
    if (page == NULL) {
        brkm_free(states);
        if (slab != NULL) {
            give_record(slab);
        }
        return false;
    }
    begin_slab(slab, cache, page, states);
    construct(slab);
    name_pages(page, cache->order, slab);
    spin_acquire(&cache->lock);
    relaxed_store(cache->slabs, cache->slabs + 1);
    relaxed_store(cache->free_objects, cache->free_objects + cache->objects);
    link_slab(&cache->empty, slab);
    spin_release(&cache->lock);
    return true;
}

/* An empty slab that nobody will touch any more, where more than `keep` are there. */
static struct slab *take_empty(struct brkm_kmem_cache *cache, size_t keep)
{
    struct slab *slab = NULL;
    spin_acquire(&cache->lock);
    collect_deferred(cache);
    if (cache->empty.count > keep && __atomic_load_n(&cache->deferring, __ATOMIC_SEQ_CST) == 0) {
        slab = cache->empty.first;
        unlink_slab(&cache->empty, slab);
        relaxed_store(cache->slabs, cache->slabs - 1);
        relaxed_store(cache->free_objects, cache->free_objects - cache->objects);
    }
    spin_release(&cache->lock);
    return slab;
}

size_t brkm__slab_return_empty(struct brkm_kmem_cache *cache, size_t keep)
{
    size_t count = 0;
    for (;;) {
        struct slab *slab = take_empty(cache, keep);
        if (slab == NULL) {
            return count;
        }
        struct brkm_page *page = slab->page;
        forget_pages(page, cache->order);
        end_slab(slab);
        brkm__pages_give(page, cache->order, PAGES_MAY_WAIT);
        count++;
    }
}

/* ---- Allocate ---- */

/* Half of the magazine, and one for the caller. */
static void *refill(struct brkm_kmem_cache *cache, struct kernel_thread *thread)
{
    struct magazine *magazine = cache->magazine != MAGAZINE_NONE
                                    ? brkm__magazine_make(thread, cache->magazine, cache->capacity)
                                    : &brkm__magazine_none;
    struct magazine_entry entry = {0};
    struct magazine_entry more;
    spin_acquire(&cache->lock);
    collect_deferred(cache);
    take_one(cache, &entry);
    size_t count = magazine_open(magazine);
    if (count != MAGAZINE_BUSY) {
        size_t old = count;
        while (count < magazine_capacity(magazine) / 2 && take_one(cache, &more)) {
            magazine->entries[count++] = more;
        }
        magazine_reverse(magazine, old, count);
        magazine_close(magazine, count);
    }
    spin_release(&cache->lock);
    if (entry.object != NULL) {
        relaxed_store(*entry.state, OBJECT_IN_USE);
    }
    return entry.object;
}

/* Without a magazine, and without waiting unless `may_wait`. */
static void *take_shared(struct brkm_kmem_cache *cache, bool may_wait)
{
    struct magazine_entry entry = {0};
    if (!spin_take(&cache->lock, may_wait)) {
        return NULL;
    }
    collect_deferred(cache);
    if (take_one(cache, &entry)) {
        relaxed_store(*entry.state, OBJECT_IN_USE);
    }
    spin_release(&cache->lock);
    return entry.object;
}

static void *allocate_waiting(struct brkm_kmem_cache *cache)
{
    struct kernel_thread *thread = brkm__kernel_thread_own();
    void *object;
    do {
        object = thread != NULL ? refill(cache, thread) : take_shared(cache, true);
    } while (object == NULL && grow(cache));
    if (unlikely(relaxed_load(cache->empty.count) > EMPTY_KEPT)) {
        brkm__slab_return_empty(cache, EMPTY_KEPT);
    }
    brkm__pages_balance();
    return object;
}

void *brkm__slab_allocate(struct brkm_kmem_cache *cache, brkm_gfp_t flags)
{
    return gfp_may_wait(flags) ? allocate_waiting(cache) : take_shared(cache, false);
}

/* ---- Free ---- */

bool brkm__slab_flush(struct brkm_kmem_cache *cache, struct magazine *magazine, unsigned keep,
                      bool may_wait)
{
    if (!spin_take(&cache->lock, may_wait)) {
        return false;
    }
    collect_deferred(cache);
    size_t count = magazine_open(magazine);
    bool opened = count != MAGAZINE_BUSY;
    if (opened) {
        while (count > keep) {
            count--;
            give_object(cache, slab_of(magazine->entries[count].object),
                        magazine->entries[count].state);
        }
        magazine_close(magazine, count);
    }
    spin_release(&cache->lock);
    return opened;
}

/* Makes room in the thread's full magazine. */
static bool make_room(struct brkm_kmem_cache *cache)
{
    struct magazine *magazine = brkm__kernel_thread->magazines[cache->magazine];
    return magazine != &brkm__magazine_none &&
           brkm__slab_flush(cache, magazine, magazine_capacity(magazine) / 2, false);
}

/* Whoever comes with the lock may give the slab back at once: hence the count. */
void brkm__slab_defer(struct slab *slab, uint8_t *state, enum object_state as)
{
    struct brkm_kmem_cache *cache = slab->cache;
    __atomic_fetch_add(&cache->deferring, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(state, (uint8_t)as, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&slab->is_deferred, 1, __ATOMIC_SEQ_CST) == 0) {
        push_deferred(cache, slab);
    }
    __atomic_fetch_sub(&cache->deferring, 1, __ATOMIC_SEQ_CST);
}

void brkm__slab_free(struct slab *slab, void *object, uint8_t *state)
{
    struct brkm_kmem_cache *cache = slab->cache;
    if (slab_push(brkm__kernel_thread, cache->magazine, object, state) ||
        (make_room(cache) && slab_push(brkm__kernel_thread, cache->magazine, object, state))) {
        return;
    }
    if (!spin_take(&cache->lock, false)) {
        brkm__slab_defer(slab, state, OBJECT_DEFERRED);
        return;
    }
    collect_deferred(cache);
    give_object(cache, slab, state);
    spin_release(&cache->lock);
}

static void free_kept_of(struct brkm_kmem_cache *cache, struct slab *slab)
{
    for (unsigned i = 0; i < cache->objects; i++) {
        if (relaxed_load(slab->states[i]) == OBJECT_KEPT) {
            give_object(cache, slab, &slab->states[i]);
        }
    }
}

/* Giving moves a slab to another list: the next one is read before. */
static void free_kept_on(struct brkm_kmem_cache *cache, struct slab *slab)
{
    while (slab != NULL) {
        struct slab *next = slab->next;
        free_kept_of(cache, slab);
        slab = next;
    }
}

void brkm__slab_free_kept(struct brkm_kmem_cache *cache)
{
    spin_acquire(&cache->lock);
    collect_deferred(cache);
    free_kept_on(cache, cache->partial.first);
    free_kept_on(cache, cache->full.first);
    spin_release(&cache->lock);
}

/* ---- What lies where ---- */

static bool is_readable(const void *start, size_t size)
{
    return brkm__os_is_readable(start) &&
           brkm__os_is_readable((const char *)start + size - sizeof(uint64_t));
}

static size_t slab_bytes(const struct brkm_kmem_cache *cache)
{
    return (size_t)1 << (brkm__page_shift() + cache->order);
}

/* Bytes in front of the first object and its red zone. */
static size_t bytes_before(const struct slab *slab)
{
    return slab->first - slab->cache->front - (uintptr_t)brkm__page_start(slab->page);
}

/* Whether what the cache says, and where the states are, can be true of the slab. */
static bool is_sound(const struct slab *slab)
{
    const struct brkm_kmem_cache *cache = slab->cache;
    if (!is_readable(cache, sizeof(*cache)) || cache->magic != CACHE_MAGIC ||
        cache->reciprocal != slab->reciprocal || cache->order > BRKM_MAX_ORDER ||
        slab->page->index + ((size_t)1 << cache->order) > SECTION_PAGES) {
        return false;
    }
    size_t bytes = slab_bytes(cache);
    return cache->objects != 0 && cache->objects <= bytes / sizeof(void *) && cache->stride != 0 &&
           bytes_before(slab) < bytes &&
           (uint64_t)cache->objects * cache->stride <= bytes - bytes_before(slab) &&
           is_readable(slab->states, align_up(cache->objects, sizeof(uint64_t)));
}

static enum slab_look judge(const struct brkm_page *page)
{
    if (__atomic_load_n(&page->kind, __ATOMIC_ACQUIRE) != PAGE_SLAB || page->u.slab->page != page) {
        return SLAB_GONE;
    }
    return is_sound(page->u.slab) ? SLAB_SEEN : SLAB_DAMAGED;
}

enum slab_look brkm__slab_look(const struct brkm_page *page,
                               void (*see)(void *context, enum object_state state, size_t bytes,
                                           bool is_rest),
                               void *context, size_t *bytes)
{
    spin_acquire(&records.lock);
    enum slab_look found = judge(page);
    if (found == SLAB_SEEN) {
        const struct slab *slab = page->u.slab;
        const struct brkm_kmem_cache *cache = slab->cache;
        size_t before = bytes_before(slab);
        *bytes = slab_bytes(cache);
        see(context, OBJECT_FREE, before, true);
        for (unsigned i = 0; i < cache->objects; i++) {
            see(context, relaxed_load(slab->states[i]), cache->stride, false);
        }
        see(context, OBJECT_FREE, *bytes - before - (size_t)cache->objects * cache->stride, true);
    }
    spin_release(&records.lock);
    return found;
}

/* ---- Figures ---- */

static void count_list(const struct slab_list *list, struct slab_totals *totals)
{
    for (const struct slab *slab = list->first; slab != NULL; slab = slab->next) {
        size_t in_use = 0;
        for (unsigned i = 0; i < slab->cache->objects; i++) {
            in_use += object_state_is_in_use(relaxed_load(slab->states[i]));
        }
        totals->in_use += in_use;
        totals->objects += slab->cache->objects;
        totals->slabs++;
        totals->slabs_in_use += in_use != 0;
    }
}

struct slab_totals brkm__slab_count(struct brkm_kmem_cache *cache)
{
    struct slab_totals totals = {0};
    spin_acquire(&cache->lock);
    collect_deferred(cache);
    count_list(&cache->full, &totals);
    count_list(&cache->partial, &totals);
    count_list(&cache->empty, &totals);
    spin_release(&cache->lock);
    return totals;
}

static void visit_list(const struct slab_list *list,
                       void (*visit)(void *object, uint8_t state, void *context), void *context)
{
    for (const struct slab *slab = list->first; slab != NULL; slab = slab->next) {
        for (unsigned i = 0; i < slab->cache->objects; i++) {
            uint8_t state = relaxed_load(slab->states[i]);
            if (object_state_is_in_use(state)) {
                visit(object_at(slab, i), state, context);
            }
        }
    }
}

void brkm__slab_visit_in_use(struct brkm_kmem_cache *cache,
                             void (*visit)(void *object, uint8_t state, void *context),
                             void *context)
{
    spin_acquire(&cache->lock);
    visit_list(&cache->full, visit, context);
    visit_list(&cache->partial, visit, context);
    spin_release(&cache->lock);
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_OFFSET(slab, first),
    FACT_OFFSET(slab, states),
    FACT_OFFSET(slab, cache),
    FACT_OFFSET(slab, page),
    FACT_OFFSET(brkm_kmem_cache, magic),
    FACT_OFFSET(brkm_kmem_cache, stride),
    FACT_OFFSET(brkm_kmem_cache, front),
    FACT_OFFSET(brkm_kmem_cache, objects),
    FACT_OFFSET(brkm_kmem_cache, order),
    FACT("slab cache magic", CACHE_MAGIC),
    FACT("object free", OBJECT_FREE),
    FACT("object in use", OBJECT_IN_USE),
    FACT("object noted", OBJECT_NOTED),
};
