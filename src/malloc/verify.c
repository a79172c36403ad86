/* SPDX-License-Identifier: MIT
 * See verify.h. */
#include "malloc/verify.h"

#include <string.h>

#include "heap/block.h"
#include "heap/heaps.h"
#include "heap/mapped.h"
#include "heap/regions.h"
#include "heap/rows.h"
#include "heap/walk.h"
#include "kit/report.h"
#include "malloc/foreign.h"
#include "malloc/watcher.h"

enum fault brkm__verify_fault_of_freed(const char *caller)
{
    return strstr(caller, "free") != NULL ? FAULT_DOUBLE_FREE : FAULT_USE_AFTER_FREE;
}

/* What is wrong with a pointer in front of which there is no good header. */
static enum fault fault_of_no_block(const struct mem_control_block *block)
{
    brkm__heaps_acquire();
    const struct mem_control_block *around = brkm__walk_find(block);
    enum block_state state = around == NULL ? BLOCK_DAMAGED : block_state(around);
    brkm__heaps_release();
    if (around == block) {
        return FAULT_HEADER_OVERWRITTEN;
    }
    return state == BLOCK_FREE || state == BLOCK_TOP ? FAULT_FREE_MEMORY : FAULT_INVALID_POINTER;
}

/* True when the heap has had `block` since it was in use, although it has a header of that time
 * again: `behind` coalesced, or is right when it says that the block is free. */
static bool heap_had(const struct mem_control_block *block, const struct mem_control_block *behind)
{
    enum block_state state = block_state(behind);
    if (state == BLOCK_GONE || state == BLOCK_DAMAGED) {
        return state == BLOCK_GONE;
    }
    brkm__heaps_acquire();
    bool is_inside_another = brkm__walk_find(block) != block;
    bool has_tag = *block_boundary_tag_before(behind) == block_short_size(block);
    brkm__heaps_release();
    return block_has_flag(behind, BLOCK_FLAG_PREVIOUS_FREE) && (is_inside_another || has_tag);
}

/* Says what is wrong with `block`, in use by its header, behind which stands another that does not
 * fit. */
static _Noreturn BRKM_COLD void reject_behind(const struct mem_control_block *block,
                                              const char *caller)
{
    const struct mem_control_block *behind = block_next(block);
    struct fault_place place = {block_payload(block), block_usable_size(block), caller};
    if (heap_had(block, behind)) {
        brkm__fatal(brkm__verify_fault_of_freed(caller), place);
    }
    if (block_state(behind) == BLOCK_DAMAGED) {
        brkm__fatal(FAULT_OVERFLOW, place);
    }
    brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                (struct fault_place){.address = block_payload(behind), .caller = caller});
}

/* Says what is wrong with `memory`, whose header is not that of a block in use. */
static _Noreturn BRKM_COLD void reject(const void *memory, enum block_state state,
                                       const char *caller)
{
    const struct mem_control_block *block = block_from_payload(memory);
    struct fault_place place = {.address = memory, .caller = caller};
    /* The top begins where the last block began that was freed into it. */
    if (state == BLOCK_CACHED || state == BLOCK_FREE || state == BLOCK_GONE || state == BLOCK_TOP) {
        place.block_size = state == BLOCK_TOP ? 0 : block_usable_size(block);
        brkm__fatal(brkm__verify_fault_of_freed(caller), place);
    }
    brkm__fatal(state == BLOCK_DAMAGED ? fault_of_no_block(block) : FAULT_INVALID_POINTER, place);
}

/* True when `memory` cannot be ours and that does not end the program. An address that was a mapped
 * block's counts: others may have mapped there since. */
static bool is_accepted_as_foreign(const void *memory)
{
    return brkm__foreign_is_accepted() && !regions_contain(memory) &&
           !brkm__mapped_contains(memory);
}

/* The state of a block that the program may have. The states of watched blocks are many, and one in
 * 2700 changed sizes hits one: while nobody watches that is no state. */
static enum block_state plausible_state(const struct mem_control_block *block)
{
    enum block_state state = block_state(block);
    bool is_nobodys = (block_state_is_watched(state) && watcher_get() == NULL) ||
                      (state == BLOCK_NOTED && relaxed_load(brkm__recorder) == NULL);
    return unlikely(is_nobodys) ? BLOCK_DAMAGED : state;
}

/* Adds what the header of a good block says of who sees it. */
static struct held add_watched(const void *memory, struct held held, enum block_state state,
                               const char *caller)
{
    held.is_noted = state == BLOCK_NOTED;
    if (unlikely(block_state_is_watched(state))) {
        watcher_get()->verify_watched(memory, caller, &held);
    }
    return held;
}

static struct held verify_mapped(const void *memory, const char *caller)
{
    struct held held = {.origin = ORIGIN_MAPPED};
    struct fault_place place = {.address = memory, .caller = caller};
    enum mapped_lookup found = brkm__mapped_find(memory, &held.usable_size);
    if (unlikely(found != MAPPED_IN_USE)) {
        if (neighbour_has(memory) || is_accepted_as_foreign(memory)) {
            return (struct held){.origin = ORIGIN_FOREIGN};
        }
        brkm__fatal(found == MAPPED_FREED ? brkm__verify_fault_of_freed(caller)
                                          : FAULT_INVALID_POINTER,
                    place);
    }
    enum block_state state = plausible_state(block_from_payload(memory));
    bool in_use = state == BLOCK_IN_USE ||
                  (block_state_is_in_use(state) && brkm__mapped_front_is_whole(memory));
    if (unlikely(!in_use)) {
        place.block_size = held.usable_size;
        brkm__fatal(FAULT_HEADER_OVERWRITTEN, place);
    }
    const void *end = (const char *)memory + held.usable_size;
    if (unlikely(!block_is(end, BLOCK_FENCEPOST))) {
        place.block_size = held.usable_size;
        brkm__fatal(FAULT_OVERFLOW, place);
    }
    return add_watched(memory, held, state, caller);
}

static struct held verify_outside_heap(const void *memory, const char *caller)
{
    const struct watcher *watcher = watcher_get();
    struct held held;
    if (unlikely(watcher != NULL) && watcher->verify_apart(memory, caller, &held)) {
        return held;
    }
    return verify_mapped(memory, caller);
}

/* True for a place of a row, in front of which there is no header to be good or bad. */
static bool verify_in_row(const void *memory, const char *caller, struct held *held)
{
    *held = (struct held){.origin = ORIGIN_ROW};
    enum row_lookup found = brkm__rows_find(memory, &held->usable_size);
    struct fault_place place = {memory, held->usable_size, caller};
    switch (found) {
    case ROW_UNKNOWN:
        return false;
    case ROW_IN_USE:
        return true;
    case ROW_FREED:
        brkm__fatal(brkm__verify_fault_of_freed(caller), place);
    case ROW_OVERRUN:
        brkm__fatal(FAULT_OVERFLOW, place);
    case ROW_UNDERRUN:
        brkm__fatal(FAULT_HEADER_OVERWRITTEN, place);
    default:
        place.block_size = 0;
        brkm__fatal(FAULT_INVALID_POINTER, place);
    }
}

struct held brkm__verify_in_use(const void *memory, const char *caller)
{
    if (unlikely(!regions_contain_payload(memory))) {
        return verify_outside_heap(memory, caller);
    }
    const struct mem_control_block *block = block_from_payload(memory);
    enum block_state state = plausible_state(block);
    struct held held;
    if (unlikely(!block_state_is_in_use(state) || block_short_size(block) == 0)) {
        if (verify_in_row(memory, caller, &held)) {
            return held;
        }
        if (is_accepted_as_foreign(memory)) {
            return (struct held){.origin = ORIGIN_FOREIGN};
        }
        reject(memory, state, caller);
    }
    held = (struct held){.origin = ORIGIN_HEAP, .usable_size = block_usable_size(block)};
    size_t size = block_short_size(block);
    if (unlikely(!block_is_sound(block, size, block_load_seal(block)) ||
                 block_is_known_free(block, size))) {
        reject_behind(block, caller);
    }
    return add_watched(memory, held, state, caller);
}
