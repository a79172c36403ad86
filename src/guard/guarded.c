/* SPDX-License-Identifier: MIT
 * See guarded.h. */
#include "guard/guarded.h"

#include <string.h>

#include "base/config.h"
#include "base/facts.h"
#include "base/valgrind.h"
#include "kit/backtrace.h"
#include "kit/footprint.h"
#include "kit/options.h"
#include "kit/outside.h"
#include "kit/random.h"
#include "system/os.h"

/* One block in so many borders the guard in front. Most programs err at the end of their blocks. */
#define BLOCKS_PER_UNDERFLOW 4

struct slot {
    struct guarded_block block;
    uint8_t canary;    /* never 0: the byte that goes over the end most often is a zero */
    bool is_unchanged; /* its page could not be given back, and still has what was written to it */
    struct slot *next; /* in the list of freed slots */
};

struct lock brkm__guarded_lock;

/* Everything under the lock, but for start, size and slots: written once, under the lock, and read
 * at any time by relaxed_load. Whoever has an address out of the pool has seen them with it. What
 * stands in a slot that is in no list, and whose block is not in use, is its taker's alone. */
static struct {
    uintptr_t start; /* of the first guard; 0 before the first block */
    size_t size;     /* bytes of slots and guards */
    struct slot *slots;
    size_t count;
    size_t used;               /* slots that were used at least once: the first ones */
    struct slot *oldest_freed; /* of the others, in the order in which they were freed */
    struct slot *newest_freed;
    uint64_t random;
    struct guarded_totals totals;
} pool;

/* ---- Which allocations ---- */

_Thread_local struct guarded_sampling brkm__guarded_sampling;

/* Any gap from 1 to 2 N - 1, which are N in the mean; always 1 when N is. */
void brkm__guarded_draw(void)
{
    struct guarded_sampling *sampling = &brkm__guarded_sampling;
    uint64_t mean = max_size(brkm__option_get(OPTION_guard_sample), 1);
    sampling->left = 1 + random_next(&sampling->random) % (2 * mean - 1);
}

void brkm__guarded_after_fork(void)
{
    struct guarded_sampling *sampling = &brkm__guarded_sampling;
    if (sampling->random != 0) {
        sampling->random += (uint64_t)brkm__os_process_id();
        brkm__guarded_draw();
    }
}

/* ---- The pool ---- */

static void tell(const struct outside_listener *listener);
static struct outside_source source = {.tell = tell};

/* [guard][slots' records][guard][page][guard][page] ... [guard] */
static bool make_pool(void)
{
    size_t page = brkm__os_page_size();
    size_t count = brkm__option_get(OPTION_guard_sample_slots);
    size_t records = align_up(count * sizeof(struct slot), page);
    size_t size = (2 * count + 1) * page;
    if (count == 0) {
        return false;
    }
    char *start = brkm__footprint_map(page + records + size);
    if (start == NULL) {
        return false;
    }
    if (!brkm__os_protect(start, page) || !brkm__os_protect(start + page + records, size)) {
        brkm__footprint_abandon(start, page + records + size);
        return false;
    }
    pool.count = count;
    pool.totals.pool_bytes = page + records + size;
    relaxed_store(pool.slots, (struct slot *)(void *)(start + page));
    relaxed_store(pool.size, size);
    __atomic_store_n(&pool.start, (uintptr_t)(start + page + records), __ATOMIC_RELEASE);
    brkm__outside_add(&source);
    return true;
}

bool brkm__guarded_contains(const void *address)
{
    uintptr_t start = relaxed_load(pool.start);
    return start != 0 && (uintptr_t)address - start < relaxed_load(pool.size);
}

static unsigned char *page_of(const struct slot *slot)
{
    size_t number = (size_t)(slot - relaxed_load(pool.slots));
    return (unsigned char *)(relaxed_load(pool.start) + (2 * number + 1) * brkm__os_page_size());
}

/* The slot in whose page an address of the pool lies; NULL for a guard. */
static struct slot *slot_at(const void *address)
{
    size_t page = ((uintptr_t)address - relaxed_load(pool.start)) / brkm__os_page_size();
    return page % 2 == 0 ? NULL : &relaxed_load(pool.slots)[page / 2];
}

/* One that was never used, or the one that was freed first. */
static struct slot *pop_slot(void)
{
    if (pool.used < pool.count) {
        return &pool.slots[pool.used++];
    }
    struct slot *slot = pool.oldest_freed;
    if (slot != NULL) {
        pool.oldest_freed = slot->next;
    }
    return slot;
}

/* `random` gets bits for the caller. */
static struct slot *take_slot(uint64_t *random)
{
    struct slot *slot = NULL;
    lock_acquire(&brkm__guarded_lock);
    if (pool.start != 0 || make_pool()) {
        slot = pop_slot();
        pool.totals.missed += slot == NULL;
        *random = random_next(&pool.random);
    }
    lock_release(&brkm__guarded_lock);
    return slot;
}

static void give_slot_back(struct slot *slot)
{
    lock_acquire(&brkm__guarded_lock);
    slot->next = NULL;
    if (pool.oldest_freed == NULL) {
        pool.oldest_freed = slot;
    } else {
        pool.newest_freed->next = slot;
    }
    pool.newest_freed = slot;
    lock_release(&brkm__guarded_lock);
}

/* ---- Canaries: all of the page that is not the block's ---- */

static bool is_filled(const unsigned char *start, size_t size, uint8_t byte)
{
    return size == 0 || (start[0] == byte && memcmp(start, start + 1, size - 1) == 0);
}

/* True when the canary is whole. */
static bool judge(const struct slot *slot, enum fault *fault)
{
    const unsigned char *page = page_of(slot);
    const unsigned char *start = slot->block.memory;
    const unsigned char *end = start + slot->block.size;
    size_t behind = (size_t)(page + brkm__os_page_size() - end);
    annotate_readable(page, brkm__os_page_size());
    if (!is_filled(end, behind, slot->canary)) {
        *fault = FAULT_CANARY_OVERWRITTEN;
        return false;
    }
    *fault = FAULT_CANARY_BEFORE_OVERWRITTEN;
    return is_filled(page, (size_t)(start - page), slot->canary);
}

static void *place_block(const unsigned char *page, size_t size, size_t alignment, uint64_t random)
{
    bool at_start = random % BLOCKS_PER_UNDERFLOW == 0;
    uintptr_t end = (uintptr_t)page + brkm__os_page_size();
    /* A block of no bytes has an address of its page all the same. */
    return (void *)(at_start ? (uintptr_t)page : align_down(end - max_size(size, 1), alignment));
}

/* Fills the page of a block with zero bytes where the block is, and with the canary around it. */
static void fill_page(struct slot *slot)
{
    size_t size = brkm__os_page_size();
    unsigned char *page = page_of(slot);
    unsigned char *start = slot->block.memory;
    unsigned char *end = start + slot->block.size;
    annotate_ours(page, size);
    if (slot->is_unchanged) {
        memset(start, 0, slot->block.size);
    }
    memset(page, slot->canary, (size_t)(start - page));
    memset(end, slot->canary, (size_t)(page + size - end));
    annotate_readable(start, slot->block.size);
}

/* ---- Blocks ---- */

static void take_trace(struct guarded_trace *trace)
{
    trace->thread = brkm__os_thread_id();
    trace->count = (unsigned)brkm__backtrace(trace->frames, GUARDED_FRAMES);
}

/* From here on the slot is the block's owner's. */
static void begin_use(struct slot *slot)
{
    lock_acquire(&brkm__guarded_lock);
    slot->block.is_in_use = true;
    pool.totals.allocations++;
    pool.totals.blocks++;
    pool.totals.bytes += slot->block.size;
    lock_release(&brkm__guarded_lock);
}

void *brkm__guarded_allocate(size_t size, size_t alignment, bool noted)
{
    size_t page = brkm__os_page_size();
    uint64_t random;
    struct slot *slot = size <= page && alignment <= page ? take_slot(&random) : NULL;
    if (slot == NULL) {
        return NULL;
    }
    if (!brkm__os_unprotect(page_of(slot), page)) {
        give_slot_back(slot);
        return NULL;
    }
    alignment = max_size(alignment, BRKM_ALIGNMENT);
    slot->block.memory = place_block(page_of(slot), size, alignment, random);
    slot->block.size = size;
    slot->block.is_noted = noted;
    take_trace(&slot->block.allocated);
    slot->block.freed.thread = 0;
    slot->canary = (uint8_t)(random >> 32) | 1;
    fill_page(slot);
    begin_use(slot);
    return slot->block.memory;
}

enum guarded_lookup brkm__guarded_find(const void *memory, size_t *size, bool *noted)
{
    enum guarded_lookup found = GUARDED_UNKNOWN;
    if (!brkm__guarded_contains(memory)) {
        return found;
    }
    lock_acquire(&brkm__guarded_lock);
    const struct slot *slot = slot_at(memory);
    if (slot != NULL && slot->block.memory == memory) {
        found = slot->block.is_in_use ? GUARDED_IN_USE : GUARDED_FREED;
        *size = slot->block.size;
        *noted = slot->block.is_noted;
    }
    lock_release(&brkm__guarded_lock);
    return found;
}

/* Takes the block from the program: of two threads that free it at a time, one gets it. */
static struct slot *end_use(const void *memory)
{
    lock_acquire(&brkm__guarded_lock);
    struct slot *slot = slot_at(memory);
    if (slot != NULL && slot->block.memory == memory && slot->block.is_in_use) {
        slot->block.is_in_use = false;
        pool.totals.blocks--;
        pool.totals.bytes -= slot->block.size;
    } else {
        slot = NULL;
    }
    lock_release(&brkm__guarded_lock);
    return slot;
}

bool brkm__guarded_free(void *memory, enum fault *fault)
{
    size_t page = brkm__os_page_size();
    struct slot *slot = end_use(memory);
    if (slot == NULL) {
        *fault = FAULT_DOUBLE_FREE;
        return false;
    }
    if (!judge(slot, fault)) {
        return false;
    }
    take_trace(&slot->block.freed);
    /* In this order nothing that is written in between stays. */
    brkm__os_protect(page_of(slot), page);
    slot->is_unchanged = !brkm__os_discard_guarded(page_of(slot), page);
    give_slot_back(slot);
    return true;
}

#if BRKM_BARE_FORK
/* Of the slots only those in use are certain. Their number is counted anew. */
void brkm__guarded_abandon(void)
{
    pool.oldest_freed = pool.newest_freed = NULL;
    pool.totals.blocks = pool.totals.bytes = 0;
    pool.used = pool.start == 0 ? 0 : pool.count;
    for (size_t i = 0; i < pool.used; i++) {
        const struct guarded_block *block = &pool.slots[i].block;
        pool.totals.blocks += block->is_in_use;
        pool.totals.bytes += block->is_in_use ? block->size : 0;
    }
}
#endif

/* ---- Damage and faults ---- */

const struct guarded_block *brkm__guarded_find_damaged(enum fault *fault)
{
    const struct guarded_block *damaged = NULL;
    lock_acquire(&brkm__guarded_lock);
    for (size_t i = 0; i < pool.used && damaged == NULL; i++) {
        const struct slot *slot = &pool.slots[i];
        if (slot->block.is_in_use && !judge(slot, fault)) {
            damaged = &slot->block;
        }
    }
    lock_release(&brkm__guarded_lock);
    return damaged;
}

/* Bytes between an address and the block's nearest byte. */
static size_t distance(const struct guarded_block *block, uintptr_t address)
{
    uintptr_t start = (uintptr_t)block->memory;
    uintptr_t end = start + block->size;
    return address < start ? start - address : address >= end ? address - end : 0;
}

static bool is_nearer(const struct guarded_block *block, const struct guarded_block *other,
                      uintptr_t address)
{
    if (block == NULL || block->memory == NULL || other == NULL || other->memory == NULL) {
        return block != NULL && block->memory != NULL;
    }
    if (block->is_in_use != other->is_in_use) {
        return block->is_in_use;
    }
    return distance(block, address) < distance(other, address);
}

const struct guarded_block *brkm__guarded_near(const void *address)
{
    if (!brkm__guarded_contains(address)) {
        return NULL;
    }
    const struct slot *slot = slot_at(address);
    if (slot != NULL) {
        return slot->block.memory != NULL ? &slot->block : NULL;
    }
    size_t behind = ((uintptr_t)address - pool.start) / brkm__os_page_size() / 2;
    const struct guarded_block *left = behind == 0 ? NULL : &pool.slots[behind - 1].block;
    const struct guarded_block *right = behind == pool.count ? NULL : &pool.slots[behind].block;
    const struct guarded_block *nearest = is_nearer(left, right, (uintptr_t)address) ? left : right;
    return nearest != NULL && nearest->memory != NULL ? nearest : NULL;
}

/* ---- The whole ---- */

/* Slots that are looked at while the lock is held. */
#define SLOTS_TOLD 1024u

static void tell_slot(const struct outside_listener *listener, const struct slot *slot)
{
    const struct guarded_block *block = &slot->block;
    if (block->is_in_use) {
        struct outside_area area = {
            .start = (uintptr_t)page_of(slot),
            .bytes = brkm__os_page_size(),
            .payload = (uintptr_t)block->memory,
            .usable = block->size,
            .requested = block->size,
            .kind = AREA_GUARDED,
        };
        listener->area(listener->context, &area);
    }
}

static void tell(const struct outside_listener *listener)
{
    size_t end = SLOTS_TOLD;
    for (size_t i = 0; i < pool.count; end += SLOTS_TOLD) {
        listener->prepare(listener->context, SLOTS_TOLD, 0);
        lock_acquire(&brkm__guarded_lock);
        for (; i < min_size(end, pool.count); i++) {
            tell_slot(listener, &pool.slots[i]);
        }
        lock_release(&brkm__guarded_lock);
    }
}

struct guarded_totals brkm__guarded_totals(void)
{
    lock_acquire(&brkm__guarded_lock);
    struct guarded_totals totals = pool.totals;
    totals.contended = brkm__guarded_lock.contended;
    lock_release(&brkm__guarded_lock);
    return totals;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("guarded start", &pool.start),
    FACT_ADDRESS("guarded slots", &pool.slots),
    FACT_ADDRESS("guarded used", &pool.used),
    FACT_SIZE(slot),
    FACT_OFFSET(slot, block.memory),
    FACT_OFFSET(slot, block.size),
    FACT_OFFSET(slot, block.is_in_use),
};
