/* SPDX-License-Identifier: MIT
 * See slices.h. */
#include "stats/slices.h"

#include "heap/rows.h"
#include "stats/ahead.h"
#include "stats/pages.h"
#include "system/os.h"

/* Blocks from mark to mark. */
#define MARK_BLOCKS (SLICE_BLOCKS / SLICE_MARKS)

/* Blocks from one look at the clock to the next: few where the system has to bring their pages. */
#define STRETCH_MIN 32u
#define STRETCH_MAX 1024u

/* Bytes that blocks have on average where their headers are read ahead: processors do that of
 * themselves where they are smaller, and where they are larger there are few. */
#define AHEAD_MIN 128u
#define AHEAD_MAX (16 * BRKM_KIB)

/* Milliseconds for which the heap is left to those who waited for it. */
#define REST_MS 1

/* ---- Locks ---- */

void brkm__slices_lock(void)
{
    lock_acquire(&brkm__rows_lock);
    brkm__heaps_acquire();
}

void brkm__slices_unlock(void)
{
    brkm__heaps_release();
    lock_release(&brkm__rows_lock);
}

/* Whoever waits would find the lock taken again before he is awake. */
static void unlock_and_rest(void)
{
    uint32_t nobody_wakes = 0;
    bool is_awaited = brkm__heaps_are_awaited() || lock_is_awaited(&brkm__rows_lock);
    brkm__slices_unlock();
    if (is_awaited) {
        brkm__os_wait_at_most(&nobody_wakes, 0, REST_MS);
    }
}

/* ---- Where to go on ---- */

static bool can_follow(enum block_state state)
{
    return block_state_is_in_use(state) || state == BLOCK_CACHED || state == BLOCK_FREE ||
           state == BLOCK_ROW || state == BLOCK_CHUNK_EDGE;
}

static bool contains(const struct region *region, const struct mem_control_block *block)
{
    uintptr_t address = (uintptr_t)block;
    uintptr_t end = region->end;
    return address >= (uintptr_t)region->first && end > BRKM_MIN_BLOCK &&
           address <= end - BRKM_MIN_BLOCK && region->kind != REGION_ABANDONED;
}

bool brkm__walk_stand_at(struct walk *walk, const struct region *region,
                         const struct mem_control_block *block)
{
    if (!contains(region, block)) {
        return false;
    }
    *walk = (struct walk){region, block, block_state(block), 0};
    walk->size = can_follow(walk->state) ? block_size(block) : 0;
    return walk->size >= BRKM_MIN_BLOCK && walk->size < region->end - (uintptr_t)block;
}

static void mark(struct slices *slices, const struct mem_control_block *block)
{
    slices->marks[slices->marks_made++ % SLICE_MARKS] = block;
}

static bool stand_at_mark(struct walk *walk, const struct slices *slices)
{
    size_t marks = min_size(slices->marks_made, SLICE_MARKS);
    for (size_t i = 1; i <= marks; i++) {
        const struct mem_control_block *block =
            slices->marks[(slices->marks_made - i) % SLICE_MARKS];
        if (brkm__walk_stand_at(walk, slices->region, block)) {
            return true;
        }
    }
    return false;
}

/* No header lies inside a block's payload (I5): a mark that is good is the header of a block, and
 * those behind it follow from it. Where none is left, the region is gone through once more. */
static struct walk go_on(struct slices *slices)
{
    struct walk walk = {0};
    const struct region *region = slices->region;
    if (region != NULL && region->first == slices->first) {
        if (stand_at_mark(&walk, slices)) {
            return walk;
        }
        if (brkm__walk_stand_at(&walk, region, slices->first)) {
            slices->vain++;
            return walk;
        }
    }
    /* None yet; or it is gone, or a mere top, and its next is next. */
    return (struct walk){.region = region, .state = BLOCK_TOP};
}

/* ---- A slice ---- */

struct slice {
    void (*see)(void *context, const struct walk *at);
    void *context;
    size_t to_see, to_pass; /* blocks that it may have yet */
    uint64_t ends_at;
};

static void enter_region(struct slices *slices, const struct region *region)
{
    slices->region = region;
    slices->first = region->first;
    slices->seen_to = 0;
    slices->marks_made = 0;
}

static bool is_to_be_seen(const struct slices *slices, const struct walk *at)
{
    return (uintptr_t)at->block >= slices->seen_to ||
           (slices->with_rests && walk_block_end(at) > slices->seen_to);
}

static void pass_on(struct slices *slices, const struct walk *at,
                    void (*see)(void *context, const struct walk *at), void *context)
{
    see(context, at);
    slices->seen_to = max_size(walk_block_end(at), (uintptr_t)at->block + 1);
    slices->vain = 0;
}

/* Passes on the next blocks, `slices->stretch` of them or as many as the slice may have. */
static bool look_at_stretch(struct slices *slices, struct walk *walk, struct slice *slice)
{
    uintptr_t start = (uintptr_t)walk->block;
    unsigned i = 0;
    while (i < slices->stretch && slice->to_see != 0) {
        if (!brkm__walk_step(walk)) {
            return false;
        }
        if (walk->region != slices->region) {
            enter_region(slices, walk->region);
            start = (uintptr_t)walk->block;
        }
        if (++i % MARK_BLOCKS == 0) {
            mark(slices, walk->block);
        }
        if (is_to_be_seen(slices, walk)) {
            pass_on(slices, walk, slice->see, slice->context);
            slice->to_see--;
        }
    }
    mark(slices, walk->block);
    slices->mean = ((uintptr_t)walk->block - start) / max_size(i, 1);
    slice->to_pass -= min_size(i, slice->to_pass);
    return true;
}

static void read_ahead(const struct slices *slices, const struct walk *walk)
{
    if (walk->size != 0 && slices->mean >= AHEAD_MIN && slices->mean <= AHEAD_MAX) {
        brkm__read_ahead(walk, slices->mean * slices->stretch);
    }
}

/* Twice as many while that takes little, few again where the system has to bring their pages. */
static void choose_stretch(struct slices *slices, uint64_t took)
{
    if (took > SLICE_US / 2) {
        slices->stretch = STRETCH_MIN;
    } else if (took < SLICE_US / 4) {
        slices->stretch = (unsigned)min_size(2 * (size_t)slices->stretch, STRETCH_MAX);
    }
}

static bool look_at_some(struct slices *slices, struct walk *walk, struct slice *slice)
{
    uint64_t before = brkm__os_microseconds();
    /* Each time that it begins anew in vain, it goes twice as far: it comes to the end. */
    slice->ends_at = before + ((uint64_t)SLICE_US << slices->vain);
    slice->to_pass = (size_t)SLICE_BLOCKS << slices->vain;
    slices->stretch = (unsigned)max_size(slices->stretch, STRETCH_MIN);
    while (slice->to_see != 0 && slice->to_pass != 0 && before < slice->ends_at) {
        read_ahead(slices, walk);
        if (!look_at_stretch(slices, walk, slice)) {
            return false;
        }
        uint64_t now = brkm__os_microseconds();
        choose_stretch(slices, now - before);
        before = now;
    }
    return true;
}

bool brkm__slices_next(struct slices *slices, void (*see)(void *context, const struct walk *at),
                       void *context)
{
    brkm__slices_lock();
    struct walk walk = go_on(slices);
    if (walk.size != 0 && is_to_be_seen(slices, &walk)) {
        pass_on(slices, &walk, see, context); /* it grew since */
    }
    struct slice slice = {.see = see, .context = context, .to_see = SLICE_BLOCKS};
    bool more = look_at_some(slices, &walk, &slice);
    unlock_and_rest();
    return more;
}
