/* SPDX-License-Identifier: MIT
 * See ahead.h. Nothing is believed of what is read here: a header that is none costs time. */
#include "stats/ahead.h"

#include "base/valgrind.h"
#include "system/os.h"

/* Places that are read at the same time: a processor has some ten loads under way. */
#define LANES 16u

/* Bytes in which the first header of a lane is looked for: where blocks are larger, there are few.
 */
#define SEARCH_BYTES (4 * BRKM_KIB)

/* Pages of which is asked whether they are in memory, at a time. */
#define PAGES_MAX 1024u

struct lane {
    uintptr_t at, end;
};

/* Which pages may be looked at: those that were given back stay so. */
struct view {
    uintptr_t start;
    size_t page_size, count;
    unsigned char pages[PAGES_MAX];
};

/* The guard of each header follows from that of the first (block.h). */
static bool looks_like_header(const struct walk *walk, uintptr_t address)
{
    const struct mem_control_block *block = (const struct mem_control_block *)address;
    size_t distance = address - (uintptr_t)walk->block;
    return block_guard_follows(block_load_seal(walk->block), distance, block_load_seal(block)) &&
           block_state(block) != BLOCK_DAMAGED;
}

static bool ask(struct view *view, uintptr_t start, uintptr_t end)
{
    view->page_size = brkm__os_page_size();
    view->start = align_down(start, view->page_size);
    size_t bytes =
        min_size(align_up(end, view->page_size) - view->start, PAGES_MAX * view->page_size);
    view->count = bytes / view->page_size;
    return brkm__os_tell_resident((const void *)view->start, bytes, view->pages);
}

static bool may_look(const struct view *view, uintptr_t address)
{
    size_t page = (address - view->start) / view->page_size;
    return page < view->count && (view->pages[page] & 1) != 0;
}

static struct lane find_lane(const struct walk *walk, const struct view *view, uintptr_t start,
                             uintptr_t end)
{
    uintptr_t last = min_size(end, start + SEARCH_BYTES);
    for (uintptr_t at = start; at < last; at += BRKM_ALIGNMENT) {
        if (may_look(view, at) && looks_like_header(walk, at)) {
            return (struct lane){at, end};
        }
    }
    return (struct lane){end, end};
}

static inline bool step(struct lane *lane)
{
    size_t size = block_short_size((const struct mem_control_block *)lane->at);
    lane->at = size < BRKM_MIN_BLOCK ? lane->end : lane->at + size;
    return lane->at < lane->end;
}

/* One step of each in turn, so that none waits for another's memory. */
static void go_along(struct lane lanes[LANES])
{
    bool goes_on = true;
    while (goes_on) {
        goes_on = false;
        for (unsigned i = 0; i < LANES; i++) {
            goes_on |= lanes[i].at < lanes[i].end && step(&lanes[i]);
        }
    }
}

void brkm__read_ahead(const struct walk *walk, size_t bytes)
{
    struct lane lanes[LANES];
    struct view view;
    uintptr_t start = (uintptr_t)walk->block + walk->size;
    uintptr_t end = walk->region->end - BRKM_MIN_BLOCK;
    size_t length = align_up(bytes / LANES, BRKM_ALIGNMENT);
    if (start >= end || !ask(&view, start, min_size(start + bytes, end))) {
        return;
    }
    annotate_silence(true);
    for (unsigned i = 0; i < LANES; i++) {
        __builtin_prefetch((const void *)(start + i * length));
    }
    for (unsigned i = 0; i < LANES; i++, start += length) {
        lanes[i] = find_lane(walk, &view, min_size(start, end), min_size(start + length, end));
    }
    go_along(lanes);
    annotate_silence(false);
}
