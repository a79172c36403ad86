/* SPDX-License-Identifier: MIT
 * See chunks.h. */
#include "heap/chunks.h"

#include <string.h>

#include "base/facts.h"
#include "heap/free_space.h"
#include "kit/report.h"
#include "system/os.h"

struct chunk_map brkm__chunk_map;

/* What the payload of the edge in front tells. A program that writes to it by mistake makes page
 * faults count that should not, or not count, and no more. */
struct chunk {
    uintptr_t fresh_from; /* pages from here on were never used */
};

_Static_assert(sizeof(struct chunk) <= BRKM_MIN_BLOCK - BRKM_HEADER_SIZE, "it fits into an edge");

/* ---- The map; the main heap's lock is held ---- */

static bool make_map(void)
{
    if (chunks_exist()) {
        return true;
    }
    size_t page = brkm__os_page_size();
    /* Off the account: next to nothing of it is ever resident. */
    uint8_t *map = brkm__os_map_between_guards(BRKM_CHUNK_GRANULES + 2 * page);
    if (map == NULL) {
        return false;
    }
    uintptr_t start = 0 - relaxed_load(brkm__region_window.minus_start);
    brkm__chunk_map.first = start / BRKM_CHUNK_GRANULE;
    __atomic_store_n(&brkm__chunk_map.of, map + page, __ATOMIC_RELEASE);
    return true;
}

static uint8_t *entry_of(uintptr_t address)
{
    uintptr_t granule = address / BRKM_CHUNK_GRANULE - brkm__chunk_map.first;
    return granule < BRKM_CHUNK_GRANULES ? &brkm__chunk_map.of[granule] : NULL;
}

static void write_map(uintptr_t start, size_t bytes, unsigned number)
{
    uint8_t *entry = entry_of(start);
    for (size_t i = 0; i < bytes / BRKM_CHUNK_GRANULE; i++) {
        unsigned begins = i == 0 && number != 0 ? CHUNK_BEGINS : 0;
        relaxed_store(entry[i], (uint8_t)(number | begins));
    }
}

/* ---- Open ---- */

static struct chunk *chunk_of_edge(const struct mem_control_block *edge)
{
    return block_payload(edge);
}

bool brkm__chunk_open(struct mem_control_block *block, unsigned number, size_t bytes, size_t dirty,
                      struct chunk_space *space)
{
    uintptr_t start = (uintptr_t)block_payload(block);
    size_t size = block_size(block);
    brkm_assert(start % BRKM_CHUNK_GRANULE == 0 && size >= bytes, "I11: chunks are whole granules");
    /* What lies outside of the window, in a fallback region, is not looked through for chunks. */
    if (!regions_window_contains((void *)start) || !make_map() || entry_of(start + bytes) == NULL) {
        return false;
    }
    struct mem_control_block *first = block_at_offset(block, BRKM_MIN_BLOCK);
    struct mem_control_block *end = block_at_offset(block, bytes - BRKM_MIN_BLOCK);
    size_t inner = bytes - 2 * BRKM_MIN_BLOCK;
    block_create(end, size - (bytes - BRKM_MIN_BLOCK), BLOCK_CHUNK_EDGE);
    block_create(first, inner, BLOCK_IN_USE);
    block_change_flag(first, BLOCK_FLAG_REGION_START, true);
    block_set(block, BRKM_MIN_BLOCK, BLOCK_CHUNK_EDGE);
    write_map(start, bytes, number);
    struct page_range pages = block_inner_pages(first, inner, brkm__os_page_size());
    uintptr_t used_to = dirty < bytes ? align_up(start + dirty, brkm__os_page_size()) : pages.end;
    struct page_range clean = {min_size(max_size(used_to, pages.start), pages.end), pages.end};
    annotate_ours(block_payload(block), sizeof(struct chunk));
    chunk_of_edge(block)->fresh_from = clean.start;
    *space = (struct chunk_space){first, inner, clean, bytes};
    return true;
}

/* ---- Whole, return ---- */

/* Granules that the window spans. */
static size_t granules_in_use(void)
{
    size_t spanned = relaxed_load(brkm__region_window.length) * BRKM_ALIGNMENT;
    return min_size(spanned / BRKM_CHUNK_GRANULE + 2, BRKM_CHUNK_GRANULES);
}

struct mem_control_block *brkm__chunks_next(unsigned number, const struct mem_control_block *block)
{
    uintptr_t first = brkm__chunk_map.first;
    size_t i = block == NULL ? 0 : (uintptr_t)block / BRKM_CHUNK_GRANULE - first + 1;
    for (; chunks_exist() && i < granules_in_use(); i++) {
        if (relaxed_load(brkm__chunk_map.of[i]) == (number | CHUNK_BEGINS)) {
            void *start = (void *)((first + i) * BRKM_CHUNK_GRANULE);
            return block_at_offset(block_from_payload(start), BRKM_MIN_BLOCK);
        }
    }
    return NULL;
}

static struct mem_control_block *edge_before(const struct mem_control_block *block)
{
    return (struct mem_control_block *)((uintptr_t)block - BRKM_MIN_BLOCK);
}

bool brkm__chunk_is_whole(const struct mem_control_block *block)
{
    const struct mem_control_block *edge = edge_before(block);
    if (unlikely((uintptr_t)block_payload(edge) % BRKM_CHUNK_GRANULE != 0 ||
                 !block_is(edge, BLOCK_CHUNK_EDGE))) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                    (struct fault_place){.address = block_payload(block)});
    }
    return block_is(block_next(block), BLOCK_CHUNK_EDGE);
}

/* Makes one block in use of the chunk. */
static struct mem_control_block *close_chunk(struct mem_control_block *block, size_t *bytes)
{
    struct mem_control_block *edge = edge_before(block);
    struct mem_control_block *end = block_next(block);
    size_t size = (uintptr_t)block_next(end) - (uintptr_t)edge;
    *bytes = align_down(size, BRKM_CHUNK_GRANULE);
    write_map((uintptr_t)block_payload(edge), *bytes, 0);
    block_set_state(end, BLOCK_GONE);
    block_set_state(block, BLOCK_GONE);
    block_set(edge, size, BLOCK_IN_USE);
    return edge;
}

size_t brkm__chunk_return(struct mem_control_block *block)
{
    struct heap *owner = &brkm__main_heap;
    size_t bytes;
    lock_acquire(&owner->lock);
    struct mem_control_block *whole = close_chunk(block, &bytes);
    owner->chunk_bytes -= bytes;
    brkm__space_free(owner, whole, block_size(whole), "free");
    brkm__space_return_memory(owner);
    lock_release(&owner->lock);
    return bytes;
}

/* ---- Pages ---- */

/* The edge in front of the chunk that `address` lies in; NULL for none. */
static struct mem_control_block *edge_around(uintptr_t address)
{
    uint8_t *entry = entry_of(address);
    if (entry == NULL || relaxed_load(*entry) == 0) {
        return NULL;
    }
    uintptr_t start = align_down(address, BRKM_CHUNK_GRANULE);
    for (; (relaxed_load(*entry) & CHUNK_BEGINS) == 0; entry--) {
        start -= BRKM_CHUNK_GRANULE;
    }
    return block_from_payload((void *)start);
}

size_t brkm__chunk_first_use(struct page_range pages)
{
    struct mem_control_block *edge = edge_around(pages.start);
    struct chunk *chunk = edge != NULL ? chunk_of_edge(edge) : NULL;
    if (chunk == NULL || chunk->fresh_from >= pages.end) {
        return 0;
    }
    size_t fresh = pages.end - max_size(pages.start, chunk->fresh_from);
    chunk->fresh_from = pages.end;
    return fresh;
}

void brkm__chunks_abandon(void)
{
    if (chunks_exist()) {
        memset(brkm__chunk_map.of, 0, granules_in_use());
    }
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("chunk map", &brkm__chunk_map.of),
    FACT_ADDRESS("chunk map first", &brkm__chunk_map.first),
    FACT("chunk granule", BRKM_CHUNK_GRANULE),
    FACT("chunk granules", BRKM_CHUNK_GRANULES),
    FACT("chunk begins", CHUNK_BEGINS),
};
