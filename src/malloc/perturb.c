/* SPDX-License-Identifier: MIT
 * See perturb.h. */
#include "malloc/perturb.h"

#include <stdatomic.h>
#include <string.h>

#include "base/valgrind.h"
#include "heap/heaps.h"
#include "kit/options.h"
#include "kit/report.h"

/* Where freed blocks wait. Whoever exchanges `kept` for 0 has the block that was there to himself
 * (acquire and release); `size` may be that of the next one by then. No lock: so no fork has to
 * care. */
static struct place {
    /* The payload, and above its 56 bits the byte that it is filled with: the option may change
     * while the block waits. 0: there is none. */
    _Atomic(uint64_t) kept;
    atomic_size_t size; /* of the block; relaxed */
} places[PERTURB_PLACES];

#define BYTE_SHIFT 56

static void *payload_of(uint64_t kept)
{
    return (void *)(uintptr_t)(kept & (((uint64_t)1 << BYTE_SHIFT) - 1));
}

/* Blocks that were ever kept: the next goes to this place, in turn. Relaxed. */
static atomic_size_t kept_so_far;

bool brkm__perturb_is_on(void)
{
    return brkm__option_get(OPTION_perturb) != 0;
}

static BRKM_COLD void fill(void *start, size_t size, size_t byte)
{
    annotate_ours(start, size);
    memset(start, (int)byte, size);
}

void brkm__perturb_new(void *start, size_t size)
{
    size_t byte = brkm__option_get(OPTION_perturb);
    if (unlikely(byte != 0)) {
        fill(start, size, byte ^ UINT8_MAX);
    }
}

void brkm__perturb_freed(void *start, size_t size)
{
    size_t byte = brkm__option_get(OPTION_perturb);
    if (unlikely(byte != 0)) {
        fill(start, size, byte);
        annotate_forgotten(start, size);
    }
}

/* ---- Freed blocks ---- */

static void verify(const void *payload, size_t size, uint8_t byte, const char *caller)
{
    const uint8_t *bytes = payload;
    annotate_ours(payload, size);
    if (unlikely(bytes[0] != byte || memcmp(bytes, bytes + 1, size - 1) != 0)) {
        brkm__fatal(FAULT_FREED_BLOCK_CHANGED, (struct fault_place){payload, size, caller});
    }
}

/* The block at the place, verified and in use as if the program had it; NULL when there is none. */
static struct mem_control_block *take_from(struct place *place, const char *caller)
{
    uint64_t kept = atomic_exchange_explicit(&place->kept, 0, memory_order_acquire);
    void *payload = payload_of(kept);
    if (payload == NULL) {
        return NULL;
    }
    struct mem_control_block *block = block_from_payload(payload);
    if (unlikely(!block_is(block, BLOCK_CACHED))) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                    (struct fault_place){.address = payload, .caller = caller});
    }
    block_change_state(block, BLOCK_CACHED, BLOCK_IN_USE);
    verify(payload, block_usable_size(block), (uint8_t)(kept >> BYTE_SHIFT), caller);
    return block;
}

static bool empty(struct place *place)
{
    struct mem_control_block *block = take_from(place, "free");
    if (block != NULL) {
        brkm__heaps_free(block, "free");
    }
    return block != NULL;
}

/* True when the block, whose bytes are all `byte`, waits at the place. */
static bool put(struct place *place, struct mem_control_block *block, size_t byte)
{
    uint64_t nothing = 0;
    uint64_t kept = (uintptr_t)block_payload(block) | (uint64_t)byte << BYTE_SHIFT;
    atomic_store_explicit(&place->size, block_short_size(block), memory_order_relaxed);
    return atomic_compare_exchange_strong_explicit(&place->kept, &nothing, kept,
                                                   memory_order_release, memory_order_relaxed);
}

void brkm__perturb_keep(struct mem_control_block *block)
{
    size_t byte = brkm__option_get(OPTION_perturb);
    size_t number = atomic_fetch_add_explicit(&kept_so_far, 1, memory_order_relaxed);
    struct place *place = &places[number % PERTURB_PLACES];
    fill(block_payload(block), block_usable_size(block), byte);
    annotate_forgotten(block_payload(block), block_usable_size(block));
    empty(place);
    block_change_state(block, BLOCK_IN_USE, BLOCK_CACHED);
    if (!put(place, block, byte)) {
        block_change_state(block, BLOCK_CACHED, BLOCK_IN_USE);
        brkm__heaps_free(block, "free");
    }
}

struct mem_control_block *brkm__perturb_take(size_t size, size_t alignment)
{
    for (size_t i = 0; i < PERTURB_PLACES; i++) {
        struct place *place = &places[i];
        uint64_t kept = atomic_load_explicit(&place->kept, memory_order_relaxed);
        if (kept == 0 || (uintptr_t)payload_of(kept) % alignment != 0 ||
            atomic_load_explicit(&place->size, memory_order_relaxed) != size) {
            continue;
        }
        struct mem_control_block *block = take_from(place, "malloc");
        if (block != NULL && block_short_size(block) == size) {
            return block;
        }
        if (block != NULL) {
            brkm__heaps_free(block, "free");
        }
    }
    return NULL;
}

bool brkm__perturb_drain(void)
{
    bool found = false;
    for (size_t i = 0; i < PERTURB_PLACES; i++) {
        found |= empty(&places[i]);
    }
    return found;
}

struct perturb_totals brkm__perturb_totals(void)
{
    struct perturb_totals totals = {0, 0};
    for (size_t i = 0; i < PERTURB_PLACES; i++) {
        if (atomic_load_explicit(&places[i].kept, memory_order_relaxed) != 0) {
            totals.bytes += atomic_load_explicit(&places[i].size, memory_order_relaxed);
            totals.blocks++;
        }
    }
    return totals;
}
