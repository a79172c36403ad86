/* SPDX-License-Identifier: MIT
 * Layer 6: see cache_bin.h. */
#include "cache_bin.h"

#include "report.h"

/* I9, by walking the list. */
static bool is_consistent(const struct cache_bin *bin)
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

void brkm__cache_bin_fill(struct cache_bin *bin, struct cached_list list)
{
    bin->first = list.first;
    bin->room = (uint16_t)(bin->capacity - list.count);
    brkm_assert_heavy(is_consistent(bin), "I9: room + blocks in the list = capacity");
}
