/* SPDX-License-Identifier: MIT
 * See cache_bin.h. */
#include "cache/cache_bin.h"

#include "kit/report.h"

/* Blocks looked at for one that is aligned: in a program that aligns most of its blocks the first
 * few will do, and in others there is none. */
#define ALIGNED_SCAN 8

/* I9, by walking the list. Unused where assertions do not walk. */
__attribute__((unused)) static bool is_consistent(const struct cache_bin *bin)
{
    unsigned length = 0;
    for (const struct cached_block *block = bin->first; block != CACHED_END; block = block->next) {
        length += cached_link_is_sound(block);
    }
    return length == cache_bin_length(bin);
}

struct cached_list brkm__cache_bin_take(struct cache_bin *bin, unsigned count)
{
    brkm_assert_heavy(is_consistent(bin), "I9: room + blocks in the list = capacity");
    struct cached_list list = {bin->first, cache_bin_length(bin)};
    struct cached_list head = brkm__cached_list_cut(&list, count);
    bin->first = list.first;
    bin->room = (uint16_t)(bin->room + count);
    return head;
}

bool brkm__cache_bin_pop_aligned(struct cache_bin *bin, size_t alignment, void **payload)
{
    struct cached_block *before = NULL;
    struct cached_block *block = bin->first;
    for (unsigned seen = 0; seen < ALIGNED_SCAN && block != CACHED_END; seen++) {
        if (unlikely(!cached_link_is_sound(block))) {
            brkm__cached_link_is_bad(block);
        }
        if ((uintptr_t)block % alignment == 0) {
            if (before == NULL) {
                bin->first = block->next;
            } else {
                cached_link_set(before, block->next);
            }
            bin->room++;
            block_change_state(block_from_payload(block), BLOCK_CACHED, BLOCK_IN_USE);
            cached_link_clear(block);
            *payload = block;
            return true;
        }
        before = block;
        block = block->next;
    }
    return false;
}

void brkm__cache_bin_raise(struct cache_bin *bin, unsigned position)
{
    struct cached_block *before = bin->first;
    if (position == 0 || before == CACHED_END) {
        return;
    }
    struct cached_block *block = cached_link_follow(before);
    while (--position > 0 && block != CACHED_END) {
        before = block;
        block = cached_link_follow(before);
    }
    if (block != CACHED_END) {
        cached_link_set(before, cached_link_follow(block));
        cached_link_set(block, bin->first);
        bin->first = block;
    }
}

void brkm__cache_bin_fill(struct cache_bin *bin, struct cached_list list)
{
    bin->first = list.first;
    bin->room = (uint16_t)(bin->capacity - list.count);
    brkm_assert_heavy(is_consistent(bin), "I9: room + blocks in the list = capacity");
}
