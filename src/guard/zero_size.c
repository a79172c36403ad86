/* SPDX-License-Identifier: MIT
 * See zero_size.h. */
#include "guard/zero_size.h"

#include "base/config.h"
#include "kit/footprint.h"
#include "system/os.h"

/* Addresses. A program with more blocks of no bytes gets ordinary ones for the rest. */
#define SLOT_COUNT ((size_t)16384)
#define REGION_SIZE (SLOT_COUNT * BRKM_ALIGNMENT)
#define WORD_BITS ((size_t)64)

struct lock brkm__zero_size_lock;

/* Everything under the lock, but for `start`. */
static struct {
    /* Of the region, 0 before the first block. Written once, under the lock; read at any time by
     * relaxed_load: whoever has an address out of the region has seen, with it, the region. */
    uintptr_t start;
    size_t next; /* slot at which the search begins */
    uint64_t in_use[SLOT_COUNT / WORD_BITS];
    uint64_t was_in_use[SLOT_COUNT / WORD_BITS];
} slots;

static bool get_bit(const uint64_t *words, size_t slot)
{
    return words[slot / WORD_BITS] >> slot % WORD_BITS & 1;
}

static void set_bit(uint64_t *words, size_t slot, bool on)
{
    uint64_t bit = (uint64_t)1 << slot % WORD_BITS;
    uint64_t *word = &words[slot / WORD_BITS];
    *word = on ? *word | bit : *word & ~bit;
}

static bool make_region(void)
{
    size_t size = align_up(REGION_SIZE, brkm__os_page_size());
    void *start = brkm__footprint_map(size);
    if (start == NULL) {
        return false;
    }
    if (!brkm__os_protect(start, size)) {
        brkm__footprint_abandon(start, size);
        return false;
    }
    relaxed_store(slots.start, (uintptr_t)start);
    return true;
}

static void *take_slot(void)
{
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        size_t slot = (slots.next + i) % SLOT_COUNT;
        if (!get_bit(slots.in_use, slot)) {
            set_bit(slots.in_use, slot, true);
            set_bit(slots.was_in_use, slot, true);
            slots.next = slot + 1;
            return (void *)(slots.start + slot * BRKM_ALIGNMENT);
        }
    }
    return NULL;
}

void *brkm__zero_size_allocate(void)
{
    lock_acquire(&brkm__zero_size_lock);
    void *address = slots.start != 0 || make_region() ? take_slot() : NULL;
    lock_release(&brkm__zero_size_lock);
    return address;
}

bool brkm__zero_size_contains(const void *address)
{
    uintptr_t start = relaxed_load(slots.start);
    return start != 0 && (uintptr_t)address - start < REGION_SIZE;
}

static size_t slot_of(const void *address)
{
    return ((uintptr_t)address - slots.start) / BRKM_ALIGNMENT;
}

static bool look_up(const uint64_t *words, const void *address)
{
    lock_acquire(&brkm__zero_size_lock);
    bool is_slot = (uintptr_t)address % BRKM_ALIGNMENT == 0;
    bool found = is_slot && get_bit(words, slot_of(address));
    lock_release(&brkm__zero_size_lock);
    return found;
}

bool brkm__zero_size_is_in_use(const void *address)
{
    return look_up(slots.in_use, address);
}

bool brkm__zero_size_was_in_use(const void *address)
{
    return look_up(slots.was_in_use, address);
}

bool brkm__zero_size_free(void *address)
{
    lock_acquire(&brkm__zero_size_lock);
    bool was_in_use = get_bit(slots.in_use, slot_of(address));
    set_bit(slots.in_use, slot_of(address), false);
    lock_release(&brkm__zero_size_lock);
    return was_in_use;
}
