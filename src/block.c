/* SPDX-License-Identifier: MIT
 * Layer 4: the secret behind the seals; sizes that headers cannot tell. */
#include "block.h"

#include "os.h"

uint32_t brkm__block_secret;

void brkm__block_draw_secret(void)
{
    if (relaxed_load(brkm__block_secret) != 0) {
        return;
    }
    relaxed_store(brkm__block_secret,
                  ((uint32_t)brkm__os_entropy() & ~(uint32_t)15) | BLOCK_SECRET_NIBBLE);
}

/* ---- Long sizes ---- */

static uint64_t long_check_for(const struct mem_control_block *block, size_t size)
{
    /* 2^64 / golden ratio, odd: every bit of size and address reaches the upper bits. */
    return ((uint64_t)size ^ (uintptr_t)block) * 0x9e3779b97f4a7c15u +
           relaxed_load(brkm__block_secret);
}

void brkm__block_store_long_size(struct mem_control_block *block, size_t size)
{
    struct long_size *long_size = block_long_size(block);
    annotate_ours(long_size, sizeof(*long_size));
    *long_size = (struct long_size){size, long_check_for(block, size)};
}

size_t brkm__block_load_long_size(const struct mem_control_block *block)
{
    const struct long_size *long_size = block_long_size(block);
    if (unlikely(long_size->check != long_check_for(block, long_size->bytes))) {
        brkm__fatal(FAULT_FREE_LIST_OVERWRITTEN,
                    (struct fault_place){.address = block_payload(block), .caller = "brkmalloc"});
    }
    return long_size->bytes;
}
