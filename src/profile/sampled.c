/* SPDX-License-Identifier: MIT
 * See sampled.h. */
#include "profile/sampled.h"

#include "guard/canary.h"
#include "guard/watch.h"
#include "heap/block.h"
#include "kit/report.h"
#include "profile/samples.h"

/* The block has all of its room but for the trailer, as one that is not watched. */
static void watch(void *memory, unsigned marks)
{
    size_t room = brkm__serve_room(memory);
    struct canary canary = {.requested = room - CANARY_TRAILER_SIZE, .marks = marks};
    brkm__canary_write(memory, room, canary);
    block_change_state(block_from_payload(memory), BLOCK_IN_USE, BLOCK_WATCHED);
}

static struct sample_weight count(size_t size)
{
    return watch_is_on() ? brkm__samples_count_apart(size) : brkm__samples_count(size);
}

struct allocated brkm__sampled_serve(size_t size, size_t room, size_t alignment)
{
    struct sample_weight weight = count(size);
    struct allocated result = {NULL, 0};
    if (weight.bytes != 0 && room < CANARY_REQUEST_MAX) {
        result = brkm__serve_any(room + CANARY_TRAILER_SIZE, alignment);
    }
    if (result.memory == NULL) {
        return brkm__serve_any(room, alignment);
    }
    unsigned marks = brkm__samples_record(result.memory, weight);
    if (marks != 0) {
        watch(result.memory, marks);
    }
    return result;
}

/* Of two threads that free a block at a time one is told. */
static void unwatch(void *memory, struct held held, const char *caller)
{
    struct mem_control_block *block = block_from_payload(memory);
    if (unlikely(!block_try_change_state(block, BLOCK_WATCHED, BLOCK_IN_USE))) {
        brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){memory, held.usable_size, caller});
    }
}

void brkm__sampled_take_back(void *memory, struct held held, const char *caller)
{
    if (held.is_watched) {
        unwatch(memory, held, caller);
        brkm__samples_forget(memory, held.marks);
    }
    brkm__take_back(memory, held, caller);
}

/* ---- Resizing ---- */

struct resample brkm__resample_begin(void *memory, struct held *held, size_t size, bool wanted)
{
    struct resample resample = {.record.address = 0};
    if (held->is_watched) {
        unwatch(memory, *held, "realloc");
        resample.record = brkm__profile_remove(memory);
        held->is_watched = false;
    }
    if (wanted && size < CANARY_REQUEST_MAX) {
        resample.weight = count(size);
    }
    return resample;
}

size_t brkm__resample_room(const struct resample *resample, size_t size)
{
    return resample->weight.bytes != 0 ? size + CANARY_TRAILER_SIZE : size;
}

void brkm__resample_end(void *memory, const struct resample *resample)
{
    unsigned marks = brkm__samples_record(memory, resample->weight);
    if (marks != 0) {
        watch(memory, marks);
    }
}

void brkm__resample_cancel(void *memory, const struct resample *resample)
{
    if (resample->record.address != 0) {
        brkm__profile_put_back(resample->record);
        watch(memory, CANARY_MARK_SAMPLED);
    }
}
