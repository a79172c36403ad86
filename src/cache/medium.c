/* SPDX-License-Identifier: MIT
 * See medium.h. */
#include "cache/medium.h"

#include "kit/report.h"

/* Slots after a medium one that can hold a block which is at most BRKM_CACHED_WASTE larger: of the
 * largest class of a doubling, which has nearly twice the steps of the smallest. */
#define NEXT_SLOTS (2 * SIZE_CLASS_MEDIUM_STEPS / BRKM_CACHED_WASTE - 1)

void *brkm__medium_take_next(struct thread_cache *cache, struct medium_slot class)
{
    unsigned last = (unsigned)min_size(class.slot + NEXT_SLOTS, SIZE_CLASS_SLOTS - 1);
    unsigned slot = class.slot;
    do {
        if (slot == last) {
            return NULL;
        }
        slot++;
    } while (likely(cache->bins[slot].first == CACHED_END));
    size_t most = class.size + class.size / BRKM_CACHED_WASTE;
    size_t size = size_class_slot_size(slot);
    return size <= most ? medium_take_first(cache, (struct medium_slot){slot, size}, most) : NULL;
}

BRKM_COLD void brkm__medium_is_bad(const struct cached_block *block)
{
    brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                (struct fault_place){.address = block, .caller = "malloc"});
}
