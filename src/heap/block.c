/* SPDX-License-Identifier: MIT
 * The secret behind the seals; what lies in the payload of free blocks with a check. */
#include "heap/block.h"

#include "base/facts.h"
#include "kit/secret.h"

uint32_t brkm__block_secret;
uint32_t brkm__block_multiplier;

void brkm__block_draw_secret(void)
{
    if (relaxed_load(brkm__block_secret) != 0 && relaxed_load(brkm__block_multiplier) != 0) {
        return;
    }
    uint32_t multiplier = (uint32_t)brkm__secret(SECRET_MULTIPLIER, 0);
    uint32_t secret = (uint32_t)brkm__secret(SECRET_SEAL, 0);
    relaxed_store(brkm__block_multiplier, (multiplier & 0xffff000) | 0x1000);
    relaxed_store(brkm__block_secret, (secret & ~(uint32_t)15) | BLOCK_SECRET_NIBBLE);
}

/* ---- Checks of what lies in payloads ---- */

static uint64_t check_for(const struct mem_control_block *block, uint64_t value)
{
    return (value ^ (uintptr_t)block) * BRKM_MIXING_FACTOR + relaxed_load(brkm__block_secret);
}

static _Noreturn void end_program(const struct mem_control_block *block)
{
    brkm__fatal(FAULT_FREE_LIST_OVERWRITTEN, (struct fault_place){.address = block_payload(block)});
}

/* ---- Long sizes ---- */

void brkm__block_store_long_size(struct mem_control_block *block, size_t size)
{
    struct long_size *long_size = block_long_size(block);
    annotate_ours(long_size, sizeof(*long_size));
    *long_size = (struct long_size){size, check_for(block, size)};
}

size_t brkm__block_load_long_size(const struct mem_control_block *block)
{
    const struct long_size *long_size = block_long_size(block);
    if (unlikely(long_size->check != check_for(block, long_size->bytes))) {
        end_program(block);
    }
    return long_size->bytes;
}

/* ---- Notes of clean pages ---- */

static uint64_t clean_check_for(const struct mem_control_block *block, struct page_range pages)
{
    return check_for(block, pages.start * BRKM_MIXING_FACTOR ^ pages.end);
}

void brkm__block_store_clean_pages(struct mem_control_block *block, struct page_range clean)
{
    struct clean_note *note = block_clean_note(block);
    annotate_ours(note, sizeof(*note));
    *note = (struct clean_note){clean, clean_check_for(block, clean)};
}

struct page_range brkm__block_load_clean_pages(const struct mem_control_block *block)
{
    const struct clean_note *note = block_clean_note(block);
    if (unlikely(note->check != clean_check_for(block, note->pages))) {
        end_program(block);
    }
    return note->pages;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT("edition", FACTS_EDITION),
    FACT("header bytes", BRKM_HEADER_SIZE),
    FACT("alignment", BRKM_ALIGNMENT),
    FACT("least block", BRKM_MIN_BLOCK),
    FACT("size unit", BLOCK_UNIT),
    FACT("long size mark", BLOCK_LONG_SIZE),
    FACT("check multiplier", BRKM_MIXING_FACTOR),
    FACT("state in use", BLOCK_IN_USE),
    FACT("state cached", BLOCK_CACHED),
    FACT("state free", BLOCK_FREE),
    FACT("state top", BLOCK_TOP),
    FACT("state fencepost", BLOCK_FENCEPOST),
    FACT("state noted", BLOCK_NOTED),
    FACT("state watched", BLOCK_WATCHED),
    FACT("state row", BLOCK_ROW),
    FACT("state chunk edge", BLOCK_CHUNK_EDGE),
    FACT("state tight", BLOCK_TIGHT),
    FACT("tight step", BLOCK_TIGHT_STEP),
    FACT("slack max", BLOCK_SLACK_MAX),
    FACT("flag previous free", BLOCK_FLAG_PREVIOUS_FREE),
    FACT("flag region start", BLOCK_FLAG_REGION_START),
    FACT("flag purged", BLOCK_FLAG_PURGED),
    FACT("flags all", BLOCK_FLAGS_ALL),
    FACT_OFFSET(mem_control_block, seal),
    FACT_OFFSET(mem_control_block, flags),
    FACT_OFFSET(mem_control_block, units),
    FACT_SIZE(free_block),
    FACT_OFFSET(free_block, next),
    FACT_OFFSET(free_block, previous),
    FACT_SIZE(long_size),
    FACT_OFFSET(long_size, bytes),
    FACT_OFFSET(long_size, check),
    FACT_OFFSET(page_range, start),
    FACT_OFFSET(page_range, end),
    FACT_ADDRESS("block secret", &brkm__block_secret),
    FACT_ADDRESS("block multiplier", &brkm__block_multiplier),
};
