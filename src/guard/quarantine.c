/* SPDX-License-Identifier: MIT
 * See quarantine.h. */
#include "guard/quarantine.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clear.h"
#include "base/facts.h"
#include "base/valgrind.h"
#include "heap/block.h"
#include "heap/heaps.h"
#include "heap/sealed_list.h"
#include "kit/options.h"
#include "kit/own_memory.h"
#include "kit/report.h"

/* The first, so that a program with one thread needs no mapping, and that of threads without. */
static _Alignas(BRKM_CACHE_LINE) struct quarantine first;
static _Alignas(BRKM_CACHE_LINE) struct quarantine shared;

static struct {
    struct lock lock;
    struct quarantine *all; /* but for the shared one */
    bool first_is_taken;
    size_t mapped_bytes;
    /* Of all quarantines and the store together, at most the bound. relaxed: a number, nothing
     * follows from it. */
    _Atomic(size_t) granted;
    /* Of these, what quarantines have that nobody owns. Written under the lock, read without it to
     * pass when there is nothing: relaxed_load, relaxed_store. */
    size_t granted_to_ended;
} registry;

/* Blocks of one size on their way between stocks. */
struct crate {
    struct crate *next;
    void *blocks[STOCK_SMALL_BATCH];
};

/* The crates with blocks of one size. Under the registry's lock; `crates` is read without it,
 * relaxed, to pass an empty shelf. */
struct crate_shelf {
    struct crate *first;
    unsigned crates;
};

/* Everything under the registry's lock. */
static struct {
    struct crate_shelf shelves[STOCK_BLOCK_MAX / BRKM_ALIGNMENT + 1];
    struct crate *empty;
    struct crate *fresh, *fresh_end; /* of the last mapping, what was not used so far */
} store;

#define CRATES_BYTES (16 * BRKM_KIB)

/* Of the bound, what the store leaves to pools and queues in any case: a quarter. */
#define NOT_FOR_STORE 4

/* ---- What is granted ---- */

/* Reserves `least` bytes below `bound`, and up to `most` where there is as much. Returns how many.
 */
static size_t reserve(size_t bound, size_t least, size_t most)
{
    size_t granted = atomic_load_explicit(&registry.granted, memory_order_relaxed);
    size_t more;
    do {
        size_t left = bound - min_size(granted, bound);
        if (least > left) {
            return 0;
        }
        more = min_size(most, left);
    } while (!atomic_compare_exchange_weak_explicit(&registry.granted, &granted, granted + more,
                                                    memory_order_relaxed, memory_order_relaxed));
    return more;
}

static void unreserve(size_t bytes)
{
    atomic_fetch_sub_explicit(&registry.granted, bytes, memory_order_relaxed);
}

/* Grants `least` bytes, and a whole unit where there is as much. */
static bool grant(struct quarantine *own, size_t least)
{
    size_t more =
        reserve(brkm__option_get(OPTION_quarantine), least, max_size(least, QUARANTINE_UNIT));
    own->granted += more;
    return more != 0;
}

static void give_back(struct quarantine *own, size_t bytes)
{
    own->granted -= bytes;
    unreserve(bytes);
}

/* Gives back all that is granted beyond what it holds. Returns how much. */
static size_t give_back_rest(struct quarantine *own)
{
    size_t rest = own->granted - min_size(own->bytes, own->granted);
    give_back(own, rest);
    return rest;
}

/* ---- The store ---- */

static unsigned batch_of(size_t block_size)
{
    return block_size <= STOCK_SMALL_BLOCK_MAX ? STOCK_SMALL_BATCH : STOCK_BATCH;
}

static struct crate_shelf *shelf_of(size_t block_size)
{
    return &store.shelves[block_size / BRKM_ALIGNMENT];
}

/* Under the lock; NULL when memory is short. */
static struct crate *empty_crate(void)
{
    struct crate *crate = store.empty;
    if (crate != NULL) {
        store.empty = crate->next;
        return crate;
    }
    if (store.fresh == store.fresh_end) {
        store.fresh = store.fresh_end = brkm__own_map(CRATES_BYTES);
        if (store.fresh == NULL) {
            return NULL;
        }
        store.fresh_end += CRATES_BYTES / sizeof(struct crate);
        registry.mapped_bytes += brkm__own_bytes(CRATES_BYTES);
    }
    return store.fresh++;
}

/* Stores a batch; false when the bound or memory has no room. */
static bool keep_batch(void *const *blocks, size_t block_size)
{
    size_t bound = brkm__option_get(OPTION_quarantine);
    size_t bytes = batch_of(block_size) * block_size;
    if (reserve(bound - bound / NOT_FOR_STORE, bytes, bytes) == 0) {
        return false;
    }
    struct crate_shelf *shelf = shelf_of(block_size);
    lock_acquire(&registry.lock);
    struct crate *crate = empty_crate();
    if (crate != NULL) {
        memcpy(crate->blocks, blocks, batch_of(block_size) * sizeof(*blocks));
        crate->next = shelf->first;
        shelf->first = crate;
        relaxed_store(shelf->crates, shelf->crates + 1);
    }
    lock_release(&registry.lock);
    if (crate == NULL) {
        unreserve(bytes);
    }
    return crate != NULL;
}

/* Takes a batch; false when there is none. */
static bool take_batch(void **blocks, size_t block_size)
{
    struct crate_shelf *shelf = shelf_of(block_size);
    if (relaxed_load(shelf->crates) == 0) {
        return false;
    }
    lock_acquire(&registry.lock);
    struct crate *crate = shelf->first;
    if (crate != NULL) {
        memcpy(blocks, crate->blocks, batch_of(block_size) * sizeof(*blocks));
        shelf->first = crate->next;
        relaxed_store(shelf->crates, shelf->crates - 1);
        crate->next = store.empty;
        store.empty = crate;
    }
    lock_release(&registry.lock);
    if (crate != NULL) {
        unreserve(batch_of(block_size) * block_size);
    }
    return crate != NULL;
}

/* Insertion: the batches are short. */
static void sort(void **blocks, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        void *block = blocks[i];
        unsigned place = i;
        for (; place > 0 && (uintptr_t)blocks[place - 1] < (uintptr_t)block; place--) {
            blocks[place] = blocks[place - 1];
        }
        blocks[place] = block;
    }
}

/* By falling address, so that the list, to whose front blocks are added, rises: neighbours are then
 * joined before the heap sees them. */
static void free_blocks(void **blocks, unsigned count, size_t block_size)
{
    bool is_cleared = brkm__option_get(OPTION_zero_freed) != 0;
    struct cached_list list = cached_list_empty();
    if (count == 0) {
        return;
    }
    sort(blocks, count);
    for (unsigned i = 0; i < count; i++) {
        if (unlikely(!quarantine_is_sound(blocks[i], block_size, is_cleared))) {
            brkm__quarantine_verify(blocks[i], SIZE_MAX);
        }
        brkm__cached_list_push(&list, block_from_payload(blocks[i]));
    }
    brkm__heaps_free_list(list);
}

void brkm__quarantine_relieve_stock(struct stock *stock, size_t block_size)
{
    unsigned batch = batch_of(block_size);
    stock->count -= batch;
    void **blocks = &stock->blocks[stock->count];
    if (!keep_batch(blocks, block_size)) {
        free_blocks(blocks, batch, block_size);
    }
}

bool brkm__quarantine_fill_stock(struct stock *stock, size_t block_size)
{
    if (!take_batch(&stock->blocks[stock->count], block_size)) {
        return false;
    }
    stock->count += batch_of(block_size);
    return true;
}

/* Frees a batch of the largest blocks there are; false when there is none. */
static bool free_largest_batch(void)
{
    void *blocks[STOCK_SMALL_BATCH];
    for (size_t size = STOCK_BLOCK_MAX; size >= BRKM_MIN_BLOCK; size -= BRKM_ALIGNMENT) {
        if (take_batch(blocks, size)) {
            free_blocks(blocks, batch_of(size), size);
            return true;
        }
    }
    return false;
}

bool brkm__quarantine_drain_store(void)
{
    bool drained = false;
    while (free_largest_batch()) {
        drained = true;
    }
    return drained;
}

/* ---- What leaves ---- */

static struct quarantined leave(struct quarantine *own, struct quarantined *place)
{
    struct quarantined one = *place;
    own->bytes -= one.bytes;
    *place = (struct quarantined){.payload = NULL};
    return one;
}

static struct quarantined take_oldest(struct quarantine *own)
{
    while (own->queue[own->oldest].payload == NULL) {
        own->oldest = (own->oldest + 1) % QUARANTINE_QUEUE;
    }
    own->queued--;
    return leave(own, &own->queue[own->oldest]);
}

/* Any block of the pool but the one at `kept`. */
static struct quarantined take_from_pool(struct quarantine *own, const struct quarantined *kept)
{
    unsigned start = random_choice_next(&own->random) / (UINT32_MAX / QUARANTINE_POOL + 1);
    for (unsigned i = 0; i < QUARANTINE_POOL; i++) {
        struct quarantined *place = &own->pool[(start + i) % QUARANTINE_POOL];
        if (place->payload != NULL && place != kept) {
            return leave(own, place);
        }
    }
    return (struct quarantined){.payload = NULL};
}

static struct quarantined take_one(struct quarantine *own, const struct quarantined *kept)
{
    return own->queued > 0 ? take_oldest(own) : take_from_pool(own, kept);
}

static void *take_last(struct stock *stock)
{
    void *payload = stock->next;
    if (payload != NULL) {
        stock->next = NULL;
    } else if (stock->count != 0) {
        payload = stock->blocks[--stock->count];
    }
    return payload;
}

static struct quarantined take_from_stock(struct quarantine *own)
{
    struct quarantined one = {.payload = NULL};
    for (size_t size = BRKM_MIN_BLOCK; size <= STOCK_BLOCK_MAX && one.payload == NULL;
         size += BRKM_ALIGNMENT) {
        one.payload = take_last(quarantine_stock(own, size));
        one.bytes = (uint32_t)size;
    }
    return one;
}

static struct quarantined take_any(struct quarantine *own)
{
    struct quarantined one = take_one(own, NULL);
    return one.payload != NULL ? one : take_from_stock(own);
}

static void count_ended(size_t bytes)
{
    relaxed_store(registry.granted_to_ended, registry.granted_to_ended + bytes);
}

/* Under the lock: a block of a quarantine that nobody owns. What was granted for it goes back. */
static struct quarantined take_of_ended(void)
{
    struct quarantined one = {.payload = NULL};
    for (struct quarantine *next = registry.all; next != NULL && one.payload == NULL;
         next = next->next) {
        if (!next->is_owned && next->bytes + next->granted != 0) {
            one = take_one(next, NULL);
            count_ended(-give_back_rest(next));
        }
    }
    return one;
}

static bool is_within_bound(struct quarantine *own)
{
    return own->bytes <= own->granted || grant(own, own->bytes - own->granted);
}

/* Of a thread that ended: it holds what others could do with. Under the lock with `is_locked`. */
static struct quarantined take_in_place_of(struct quarantine *own, bool is_locked)
{
    struct quarantined one = {.payload = NULL};
    if (relaxed_load(registry.granted_to_ended) != 0) {
        if (!is_locked) {
            lock_acquire(&registry.lock);
        }
        one = take_of_ended();
        if (!is_locked) {
            lock_release(&registry.lock);
        }
    }
    return one.payload != NULL ? one : take_one(own, &own->pool[own->newest]);
}

static struct quarantined take_over_bound(struct quarantine *own, bool is_locked)
{
    return is_within_bound(own) ? (struct quarantined){.payload = NULL}
                                : take_in_place_of(own, is_locked);
}

unsigned brkm__quarantine_settle(struct quarantine *own,
                                 struct quarantined leaving[QUARANTINE_LEAVING_MAX])
{
    unsigned count = 0;
    if (quarantine_is_settled(own)) {
        return count;
    }
    if (own->bytes <= own->granted) {
        give_back(own, own->granted - own->bytes - QUARANTINE_UNIT);
        return count;
    }
    while (!is_within_bound(own) && free_largest_batch()) {
    }
    while (count < QUARANTINE_LEAVING_MAX &&
           (leaving[count] = take_over_bound(own, false)).payload != NULL) {
        count++;
    }
    return count;
}

unsigned brkm__quarantine_put_shared(struct quarantined one,
                                     struct quarantined leaving[QUARANTINE_LEAVING_MAX + 1])
{
    unsigned count = 0;
    lock_acquire(&registry.lock);
    if (shared.random.increment == 0) {
        random_choice_begin(&shared.random);
    }
    leaving[0] = quarantine_exchange(&shared, one);
    if (leaving[0].payload != NULL) {
        count = 1;
    }
    while (count <= QUARANTINE_LEAVING_MAX &&
           (leaving[count] = take_over_bound(&shared, true)).payload != NULL) {
        count++;
    }
    lock_release(&registry.lock);
    return count;
}

struct quarantined brkm__quarantine_take(struct quarantine *own)
{
    struct quarantined one = {.payload = NULL};
    if (own != NULL) {
        one = take_any(own);
    }
    lock_acquire(&registry.lock);
    if (one.payload == NULL) {
        one = take_any(&shared);
        give_back_rest(&shared);
    }
    if (one.payload == NULL) {
        one = take_of_ended();
    }
    lock_release(&registry.lock);
    return one;
}

/* ---- Begin and end ---- */

/* Under the lock. */
static struct quarantine *make(void)
{
    struct quarantine *made = &first;
    if (registry.first_is_taken) {
        made = brkm__own_map(sizeof(*made));
        if (made == NULL) {
            return NULL;
        }
        registry.mapped_bytes += brkm__own_bytes(sizeof(*made));
    }
    registry.first_is_taken = true;
    random_choice_begin(&made->random);
    made->next = registry.all;
    __atomic_store_n(&registry.all, made, __ATOMIC_RELEASE);
    return made;
}

void brkm__quarantine_begin(void **place)
{
    lock_acquire(&registry.lock);
    struct quarantine *own = registry.all;
    while (own != NULL && own->is_owned) {
        own = own->next;
    }
    if (own == NULL) {
        own = make();
    }
    if (own != NULL) {
        count_ended(-own->granted);
        own->is_owned = true;
    }
    *place = own;
    lock_release(&registry.lock);
}

static void free_stock(struct quarantine *own)
{
    for (size_t size = BRKM_MIN_BLOCK; size <= STOCK_BLOCK_MAX; size += BRKM_ALIGNMENT) {
        struct stock *stock = quarantine_stock(own, size);
        free_blocks(stock->blocks, stock->count, size);
        free_blocks(&stock->next, stock->next != NULL, size);
        stock->count = 0;
        stock->next = NULL;
    }
}

void brkm__quarantine_hand_over(void **place)
{
    struct quarantine *own = *place;
    if (own == NULL) {
        return;
    }
    free_stock(own);
    lock_acquire(&registry.lock);
    count_ended(own->granted);
    own->is_owned = false;
    *place = NULL;
    lock_release(&registry.lock);
}

void brkm__quarantine_forget(void *kept)
{
    struct quarantine *other = kept;
    if (other == NULL) {
        return;
    }
    struct quarantine *next = other->next;
    give_back(other, other->granted);
    memset(other, 0, sizeof(*other));
    random_choice_begin(&other->random);
    other->next = next;
}

/* ---- All ---- */

void brkm__quarantine_verify(void *payload, size_t most)
{
    struct mem_control_block *block = block_from_payload(payload);
    struct fault_place place = {.address = payload};
    if (unlikely(!block_is(block, BLOCK_CACHED))) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN, place);
    }
    size_t usable = block_usable_size(block);
    annotate_readable(payload, min_size(usable, most));
    if (brkm__option_get(OPTION_zero_freed) != 0 &&
        unlikely(!is_clear(payload, min_size(usable, most)))) {
        place.block_size = usable;
        brkm__fatal(FAULT_FREED_BLOCK_CHANGED, place);
    }
    annotate_forgotten(payload, min_size(usable, most));
}

static void verify_places(const struct quarantined *places, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (places[i].payload != NULL && !places[i].is_mapped) {
            brkm__quarantine_verify(places[i].payload, SIZE_MAX);
        }
    }
}

static void verify_one(struct quarantine *one)
{
    verify_places(one->pool, QUARANTINE_POOL);
    verify_places(one->queue, QUARANTINE_QUEUE);
    for (size_t size = BRKM_MIN_BLOCK; size <= STOCK_BLOCK_MAX; size += BRKM_ALIGNMENT) {
        const struct stock *stock = quarantine_stock(one, size);
        for (unsigned i = 0; i < stock->count; i++) {
            brkm__quarantine_verify(stock->blocks[i], SIZE_MAX);
        }
        if (stock->next != NULL) {
            brkm__quarantine_verify(stock->next, SIZE_MAX);
        }
    }
}

static void verify_store(void)
{
    for (size_t size = BRKM_MIN_BLOCK; size <= STOCK_BLOCK_MAX; size += BRKM_ALIGNMENT) {
        for (const struct crate *crate = shelf_of(size)->first; crate != NULL;
             crate = crate->next) {
            for (unsigned i = 0; i < batch_of(size); i++) {
                brkm__quarantine_verify(crate->blocks[i], SIZE_MAX);
            }
        }
    }
}

void brkm__quarantine_verify_all(void)
{
    verify_store();
    verify_one(&shared);
    for (struct quarantine *one = registry.all; one != NULL; one = one->next) {
        verify_one(one);
    }
}

size_t brkm__quarantine_bytes(void)
{
    lock_acquire(&registry.lock);
    size_t bytes = shared.bytes;
    for (const struct quarantine *one = registry.all; one != NULL; one = one->next) {
        bytes += one->bytes;
    }
    lock_release(&registry.lock);
    return bytes;
}

/* Reads what the owner writes without any order: numbers for statistics. */
__attribute__((no_sanitize("thread"))) static void
add_places(struct quarantine_totals *totals, const struct quarantined *places, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct quarantined *place = &places[i];
        if (__atomic_load_n(&place->payload, __ATOMIC_RELAXED) != NULL && !place->is_mapped) {
            totals->blocks++;
            totals->bytes += place->bytes;
        }
    }
}

__attribute__((no_sanitize("thread"))) static void add_one(struct quarantine_totals *totals,
                                                           struct quarantine *one)
{
    add_places(totals, one->pool, QUARANTINE_POOL);
    add_places(totals, one->queue, QUARANTINE_QUEUE);
    for (size_t size = BRKM_MIN_BLOCK; size <= STOCK_BLOCK_MAX; size += BRKM_ALIGNMENT) {
        const struct stock *stock = quarantine_stock(one, size);
        size_t count = __atomic_load_n(&stock->count, __ATOMIC_RELAXED);
        count += __atomic_load_n(&stock->next, __ATOMIC_RELAXED) != NULL;
        totals->blocks += count;
        totals->bytes += count * size;
    }
}

static void add_store(struct quarantine_totals *totals)
{
    for (size_t size = BRKM_MIN_BLOCK; size <= STOCK_BLOCK_MAX; size += BRKM_ALIGNMENT) {
        size_t count = (size_t)shelf_of(size)->crates * batch_of(size);
        totals->blocks += count;
        totals->bytes += count * size;
    }
}

struct quarantine_totals brkm__quarantine_totals(void)
{
    struct quarantine_totals totals = {0};
    if (brkm__option_get(OPTION_quarantine) == 0) {
        return totals;
    }
    lock_acquire(&registry.lock);
    totals.own_bytes = registry.mapped_bytes;
    totals.contended = registry.lock.contended;
    add_store(&totals);
    add_one(&totals, &shared);
    for (struct quarantine *one = registry.all; one != NULL; one = one->next) {
        add_one(&totals, one);
    }
    lock_release(&registry.lock);
    return totals;
}

struct lock *brkm__quarantine_lock(void)
{
    return &registry.lock;
}

#if BRKM_BARE_FORK
void brkm__quarantine_abandon(void)
{
    for (size_t size = BRKM_MIN_BLOCK; size <= STOCK_BLOCK_MAX; size += BRKM_ALIGNMENT) {
        struct crate_shelf *shelf = shelf_of(size);
        unreserve(shelf->crates * batch_of(size) * size);
        *shelf = (struct crate_shelf){NULL, 0};
    }
    store.empty = store.fresh = store.fresh_end = NULL;
    unreserve(shared.granted);
    memset(&shared, 0, sizeof(shared));
    relaxed_store(registry.granted_to_ended, (size_t)0);
    for (const struct quarantine *one = registry.all; one != NULL; one = one->next) {
        count_ended(one->is_owned ? 0 : one->granted);
    }
}
#endif

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("first quarantine", &registry.all),
    FACT_ADDRESS("shared quarantine", &shared),
    FACT("quarantine pool places", QUARANTINE_POOL),
    FACT("quarantine queue places", QUARANTINE_QUEUE),
    FACT("stock kinds", STOCK_BLOCK_MAX / BRKM_ALIGNMENT + 1),
    FACT("stock room", STOCK_SMALL_MOST),
    FACT_OFFSET(quarantine, pool),
    FACT_OFFSET(quarantine, queue),
    FACT_OFFSET(quarantine, oldest),
    FACT_OFFSET(quarantine, stock),
    FACT_OFFSET(quarantine, next),
    FACT_SIZE(quarantined),
    FACT_OFFSET(quarantined, payload),
    FACT_SIZE(stock),
    FACT_OFFSET(stock, next),
    FACT_OFFSET(stock, count),
    FACT_OFFSET(stock, blocks),
    FACT_ADDRESS("store shelves", store.shelves),
    FACT("store small block max", STOCK_SMALL_BLOCK_MAX),
    FACT("store small batch", STOCK_SMALL_BATCH),
    FACT("store batch", STOCK_BATCH),
    FACT_SIZE(crate_shelf),
    FACT_OFFSET(crate_shelf, first),
    FACT_OFFSET(crate_shelf, crates),
    FACT_OFFSET(crate, next),
    FACT_OFFSET(crate, blocks),
};
