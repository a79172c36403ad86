/* SPDX-License-Identifier: MIT
 * See sealed_list.h. */
#include "heap/sealed_list.h"

#include "base/facts.h"
#include "kit/report.h"
#include "kit/secret.h"

/* The check has its top bit set; no sum of an address and a seal and no secret has: never sound. */
const struct cached_end brkm__cached_sentinel = {.block = {.check = ~(UINTPTR_MAX >> 1)}};

uintptr_t brkm__cached_secret;

void brkm__cached_draw_secret(void)
{
    if (relaxed_load(brkm__cached_secret) == 0) {
        uintptr_t drawn = (uintptr_t)brkm__secret(SECRET_LINK, 0);
        relaxed_store(brkm__cached_secret, (drawn & UINTPTR_MAX >> 1) | 1);
    }
}

/* What overflows hit first, the header, also makes the link wrong. */
_Noreturn void brkm__cached_link_is_bad(const struct cached_block *block)
{
    bool has_header = block_state(block_from_payload(block)) != BLOCK_DAMAGED;
    brkm__fatal(has_header ? FAULT_FREE_LIST_OVERWRITTEN : FAULT_HEADER_OVERWRITTEN,
                (struct fault_place){.address = block});
}

void brkm__cached_list_push(struct cached_list *list, struct mem_control_block *block)
{
    struct cached_block *cached = block_payload(block);
    annotate_forgotten(cached, block_usable_size(block));
    block_set_state(block, BLOCK_CACHED);
    cached_link_set(cached, list->first);
    list->first = cached;
    list->count++;
}

void brkm__cached_list_verify(struct cached_list list)
{
    for (; list.count != 0; list.count--) {
        list.first = cached_link_follow(list.first);
    }
}

struct cached_list brkm__cached_list_cut(struct cached_list *list, unsigned count)
{
    struct cached_list head = {list->first, count};
    if (count == 0) {
        return cached_list_empty();
    }
    if (count == list->count) {
        /* Each link is verified by whoever follows it. */
        *list = cached_list_empty();
        return head;
    }
    struct cached_block *last = list->first;
    for (unsigned i = 1; i < count; i++) {
        last = cached_link_follow(last);
    }
    list->first = cached_link_follow(last);
    list->count -= count;
    cached_link_set(last, CACHED_END);
    return head;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("cached secret", &brkm__cached_secret),
    FACT_ADDRESS("cached end", &brkm__cached_sentinel.block),
    FACT_OFFSET(cached_block, next),
    FACT_OFFSET(cached_block, check),
    FACT_SIZE(cached_list),
    FACT_OFFSET(cached_list, first),
    FACT_OFFSET(cached_list, count),
};
