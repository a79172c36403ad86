/* SPDX-License-Identifier: MIT
 * See ahead.h. Nothing is believed of what is read here: a header that is none costs time. */
#include "stats/ahead.h"

#include "base/valgrind.h"

/* Places that are read at the same time: a processor has some ten loads under way. */
#define LANES 16u

/* Bytes in which the first header of a lane is looked for: where blocks are larger, there are few.
 */
#define SEARCH_BYTES (4 * BRKM_KIB)

struct lane {
    uintptr_t at, end;
};

/* The guard of each header follows from that of the first (block.h). */
static bool looks_like_header(const struct walk *walk, uintptr_t address)
{
    const struct mem_control_block *block = (const struct mem_control_block *)address;
    size_t distance = address - (uintptr_t)walk->block;
    return block_guard_follows(block_load_seal(walk->block), distance, block_load_seal(block)) &&
           block_state(block) != BLOCK_DAMAGED;
}

static struct lane find_lane(const struct walk *walk, uintptr_t start, uintptr_t end)
{
    uintptr_t last = min_size(end, start + SEARCH_BYTES);
    for (uintptr_t at = start; at < last; at += BRKM_ALIGNMENT) {
        if (looks_like_header(walk, at)) {
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
    uintptr_t start = (uintptr_t)walk->block + walk->size;
    uintptr_t end = walk->region->end - BRKM_MIN_BLOCK;
    size_t length = align_up(bytes / LANES, BRKM_ALIGNMENT);
    annotate_silence(true);
    for (unsigned i = 0; i < LANES; i++) {
        __builtin_prefetch((const void *)(start + i * length));
    }
    for (unsigned i = 0; i < LANES; i++, start += length) {
        lanes[i] = find_lane(walk, min_size(start, end), min_size(start + length, end));
    }
    go_along(lanes);
    annotate_silence(false);
}
