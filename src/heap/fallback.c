/* SPDX-License-Identifier: MIT
 * See fallback.h. */
#include "heap/fallback.h"

#include "base/config.h"
#include "base/probes.h"
#include "heap/regions.h"
#include "kit/footprint.h"
#include "kit/huge_pages.h"
#include "kit/report.h"
#include "system/os.h"

/* Bytes of a region that its first block does not cover. */
#define OVERHEAD (2 * BRKM_HEADER_SIZE)

static struct mem_control_block *add_region(size_t bytes)
{
    void *start = brkm__footprint_map(bytes);
    if (start == NULL) {
        return NULL;
    }
    brkm__huge_pages_advise(start, bytes);
    struct mem_control_block *first = block_at_offset(start, OVERHEAD / 2);
    size_t size = bytes - OVERHEAD;
    if (brkm__regions_add(REGION_FALLBACK, (uintptr_t)start, (uintptr_t)start + bytes, first) ==
        NULL) {
        brkm__footprint_abandon(start, bytes);
        return NULL;
    }
    block_create(block_at_offset(first, size), 0, BLOCK_FENCEPOST);
    block_create(first, size, BLOCK_FREE);
    block_change_flag(first, BLOCK_FLAG_REGION_START, true);
    probe_fallback_added((uintptr_t)start, bytes);
    return first;
}

struct mem_control_block *brkm__fallback_add(size_t size, size_t wanted)
{
    size_t page = brkm__os_page_size();
    size_t needed = align_up(size + OVERHEAD, page);
    size_t bytes = align_up(max_size(needed, max_size(wanted, BRKM_FALLBACK_MIN)), page);
    struct mem_control_block *first = add_region(bytes);
    /* Many small regions would waste their ends, and there is a bound on their number. */
    while (first == NULL && bytes > needed) {
        bytes = max_size(needed, align_up(bytes / 2, page));
        first = add_region(bytes);
    }
    return first;
}

bool brkm__fallback_is_whole(const struct mem_control_block *block)
{
    if (!block_has_flag(block, BLOCK_FLAG_REGION_START) ||
        block_state(block_next(block)) != BLOCK_FENCEPOST) {
        return false;
    }
    const struct region *region = brkm__regions_find(block);
    if (unlikely(region == NULL || region->kind != REGION_FALLBACK)) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                    (struct fault_place){.address = block_payload(block), .caller = "brkmalloc"});
    }
    return true;
}

size_t brkm__fallback_first_use(struct page_range pages)
{
    struct region *region = brkm__regions_around(pages.start);
    if (region == NULL || region->kind != REGION_FALLBACK || region->used_to >= pages.end) {
        return 0;
    }
    size_t fresh = pages.end - max_size(pages.start, region->used_to);
    region->used_to = pages.end;
    return fresh;
}

void brkm__fallback_remove(struct mem_control_block *block)
{
    struct region *region = brkm__regions_find(block);
    uintptr_t start = region->start;
    size_t bytes = region->end - start;
    brkm__regions_remove(region);
    probe_fallback_removed(start, bytes);
    brkm__footprint_abandon((void *)start, bytes);
}
