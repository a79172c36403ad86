/* SPDX-License-Identifier: MIT
 * See top.h. */
#include "heap/top.h"

#include <string.h>

#include "base/probes.h"
#include "base/valgrind.h"
#include "kit/footprint.h"
#include "kit/huge_pages.h"
#include "kit/report.h"
#include "system/os.h"

/* Bytes at a region's end that no block covers: the fencepost that may be needed there. */
#define FENCEPOST_SIZE BRKM_HEADER_SIZE

/* The break as libc knows it; 0 where that is no address. */
static uintptr_t current_break(void)
{
    void *now = brkm__os_sbrk(0);
    return now == OS_SBRK_FAILED ? 0 : (uintptr_t)now;
}

/* Moves the break up and returns where it was; 0 when it did not move. libc reports success too
 * where a sandbox refuses the system call with an error other than ENOMEM: look afterwards. */
static uintptr_t raise_break(size_t increment)
{
    if (!brkm__footprint_reserve(increment)) {
        return 0;
    }
    void *before = brkm__os_sbrk((intptr_t)increment);
    bool raised = before != OS_SBRK_FAILED && current_break() >= (uintptr_t)before + increment;
    brkm__footprint_settle(increment, raised);
    if (!raised) {
        return 0;
    }
    brkm__huge_pages_advise(before, increment);
    return (uintptr_t)before;
}

/* Moves the break down from `before`. When libc does not know afterwards where the break is, it
 * counts as moved: memory that may be gone must not be touched. */
static bool lower_break(uintptr_t before, size_t decrement)
{
    return brkm__os_sbrk(-(intptr_t)decrement) != OS_SBRK_FAILED && current_break() != before;
}

size_t brkm__top_available(const struct top *top)
{
    if (top->block == NULL) {
        return 0;
    }
    /* The top keeps a header of its own behind whatever is carved. */
    return top->end - FENCEPOST_SIZE - (uintptr_t)top->block;
}

static void note_growth(struct top *top, uintptr_t start, size_t bytes)
{
    top->from_system += bytes;
    top->from_system_peak = max_size(top->from_system_peak, top->from_system);
    top->grown++;
    probe_grow(start, bytes);
}

/* ---- Growth ---- */

/* Turns what is left of the region into a block (in use) and a fencepost, or a fencepost alone. */
static struct mem_control_block *close_region(struct top *top)
{
    struct mem_control_block *rest = top->block;
    struct mem_control_block *last = rest;
    size_t size = align_down(brkm__top_available(top), BRKM_ALIGNMENT);
    bool has_rest = size >= BRKM_MIN_BLOCK;
    if (has_rest) {
        last = block_at_offset(rest, size);
        block_create(last, 0, BLOCK_FENCEPOST);
        block_set(rest, size, BLOCK_IN_USE);
    } else {
        block_set(last, 0, BLOCK_FENCEPOST);
    }
    brkm__regions_move_end(top->region, (uintptr_t)last + FENCEPOST_SIZE);
    top->block = NULL;
    return has_rest ? rest : NULL;
}

/* Begins a region at [start, end), which sbrk just gave. */
static bool open_region(struct top *top, uintptr_t start, uintptr_t end)
{
    uintptr_t payload = align_up(start + BRKM_HEADER_SIZE, BRKM_ALIGNMENT);
    struct mem_control_block *first = block_from_payload((void *)payload);
    struct region *region = brkm__regions_add(REGION_BREAK, start, end, first);
    if (region == NULL) {
        return false;
    }
    block_create(first, 0, BLOCK_TOP);
    top->block = first;
    top->end = end;
    top->region = region;
    /* The page that the break lay in may have been written by whoever had it before. */
    top->zero_from = max_size(align_up(start, brkm__os_page_size()), payload);
    top->purged_to = 0;
    return true;
}

static void extend_region(struct top *top, uintptr_t end)
{
    if (top->end % brkm__os_page_size() != 0) {
        top->zero_from = max_size(top->zero_from, align_up(top->end, brkm__os_page_size()));
    }
    top->end = end;
    brkm__regions_move_end(top->region, end);
}

/* Foreign code lowered the break. Nothing is lost while only free top went with it. */
static void follow_lowered_break(struct top *top, uintptr_t now)
{
    uintptr_t needed = (uintptr_t)top->block + BRKM_HEADER_SIZE + FENCEPOST_SIZE;
    uintptr_t end = align_down(now, BRKM_ALIGNMENT);
    if (end < needed) {
        brkm__fatal(FAULT_BREAK_TAKEN,
                    (struct fault_place){.address = (void *)now, .caller = "sbrk"});
    }
    top->from_system -= top->end - end;
    brkm__footprint_release(top->end - end);
    top->end = end;
    top->zero_from = min_size(top->zero_from, end);
    brkm__regions_move_end(top->region, end);
}

/* The increment that ends at a unit's end and makes room for `size` bytes and the overhead. */
static size_t increment_for(const struct top *top, uintptr_t now, size_t size, size_t unit)
{
    uintptr_t first = top->block != NULL && now == top->end
                          ? (uintptr_t)top->block
                          : align_up(now, BRKM_ALIGNMENT) + BRKM_HEADER_SIZE;
    uintptr_t end;
    if (__builtin_add_overflow(first, size + 2 * BRKM_HEADER_SIZE, &end) ||
        end > UINTPTR_MAX - 2 * unit) {
        return 0;
    }
    return align_up(end, unit) - now;
}

static struct top_growth try_to_grow(struct top *top, size_t size, size_t unit)
{
    struct top_growth growth = {false, NULL};
    uintptr_t now = current_break();
    if (now == 0) {
        return growth;
    }
    if (top->block != NULL && now < top->end) {
        follow_lowered_break(top, now);
        now = top->end;
    }
    size_t increment = increment_for(top, now, size, unit);
    bool extends = top->block != NULL && now == top->end;
    if (increment == 0 || increment > PTRDIFF_MAX || (!extends && !brkm__regions_have_room())) {
        return growth;
    }
    uintptr_t start = raise_break(increment);
    if (start == 0) {
        return growth;
    }
    note_growth(top, start, increment);
    uintptr_t end = start + increment;
    if (top->block != NULL && start == top->end) {
        extend_region(top, end);
        growth.grown = true;
        return growth;
    }
    if (top->block != NULL) {
        growth.rest = close_region(top);
    }
    /* Another thread's foreign sbrk may have come between: then the region starts elsewhere than
     * planned, and may be too small by an alignment. */
    growth.grown = open_region(top, start, end) && brkm__top_available(top) >= size;
    return growth;
}

struct top_growth brkm__top_grow(struct top *top, size_t size, size_t wanted)
{
    wanted = brkm__footprint_moderate(size, wanted);
    size_t page = brkm__os_page_size();
    size_t unit = wanted > size ? brkm__huge_pages_unit() : page;
    struct top_growth growth = try_to_grow(top, wanted, unit);
    /* What a foreign break in between made smaller than wanted may do all the same. */
    growth.grown = growth.grown || brkm__top_available(top) >= size;
    if (!growth.grown && growth.rest == NULL && wanted > size) {
        growth = try_to_grow(top, size, page);
    }
    return growth;
}

/* ---- Carve and absorb ---- */

struct mem_control_block *brkm__top_carve(struct top *top, size_t size, size_t *dirty)
{
    brkm_assert(brkm__top_available(top) >= size, "I4: the top ends before the break");
    struct mem_control_block *block = top->block;
    if (unlikely(!block_is(block, BLOCK_TOP))) {
        /* Before it is written anew: the block in front would not be noticed any more. */
        brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                    (struct fault_place){.address = block_payload(block)});
    }
    struct mem_control_block *rest = block_at_offset(block, size);
    uintptr_t payload = (uintptr_t)block_payload(block);
    if (unlikely(payload < top->purged_to)) {
        top->refaulted += min_size(payload + size, top->purged_to) - payload;
    }
    *dirty = top->zero_from > payload ? top->zero_from - payload : 0;
    block_create(rest, 0, BLOCK_TOP);
    top->block = rest;
    top->zero_from = max_size(top->zero_from, (uintptr_t)block_payload(rest));
    block_set(block, size, BLOCK_IN_USE);
    probe_carve(block_payload(block), size);
    return block;
}

void brkm__top_absorb(struct top *top, struct mem_control_block *block)
{
    block_set_state(top->block, BLOCK_GONE);
    /* Without the flags that it had as a free block. */
    block_create(block, 0, BLOCK_TOP);
    top->block = block;
}

/* ---- Purge and trim ---- */

size_t brkm__top_purge(struct top *top, size_t most, size_t unit)
{
    /* One byte that is written to makes a whole huge page resident. */
    uintptr_t start = align_up((uintptr_t)block_payload(top->block), unit);
    uintptr_t end =
        min_size(align_up(top->zero_from, unit), align_down(top->end, brkm__os_page_size()));
    if (top->block == NULL || start >= end) {
        return 0;
    }
    if (end - start > most) {
        start = max_size(start, align_up(end - most, unit));
    }
    if (start >= end || !brkm__footprint_discard((void *)start, end - start)) {
        return 0;
    }
    top->purged_to = max_size(top->purged_to, end);
    if (top->zero_from > end) {
        /* Behind an unaligned break the last page cannot go. */
        annotate_ours((void *)end, top->zero_from - end);
        memset((void *)end, 0, top->zero_from - end);
    }
    top->zero_from = start;
    return end - start;
}

size_t brkm__top_trim(struct top *top, size_t pad, size_t unit)
{
    if (top->block == NULL || current_break() != top->end) {
        return 0;
    }
    uintptr_t keep = (uintptr_t)top->block + BRKM_HEADER_SIZE + FENCEPOST_SIZE;
    if (top->end < keep || pad > top->end - keep) {
        return 0;
    }
    uintptr_t end = align_up(keep + pad, unit);
    if (end >= top->end || !lower_break(top->end, top->end - end)) {
        return 0;
    }
    size_t released = top->end - end;
    top->from_system -= released;
    brkm__footprint_release(released);
    top->trimmed++;
    top->trimmed_bytes += released;
    probe_trim(end, released);
    top->end = end;
    top->zero_from = min_size(top->zero_from, end);
    brkm__regions_move_end(top->region, end);
    return released;
}
