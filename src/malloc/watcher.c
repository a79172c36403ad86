/* SPDX-License-Identifier: MIT
 * See watcher.h. */
#include "malloc/watcher.h"

#include "heap/block.h"
#include "kit/report.h"
#include "malloc/foreign.h"

const struct watcher *brkm__watcher;
const struct recorder *brkm__recorder;
bool brkm__recording;

_Thread_local size_t brkm__watch_left;

void brkm__watch_by(const struct watcher *watcher)
{
    brkm__cache_kept_by(&watcher->keeper);
    relaxed_store(brkm__watcher, watcher);
    brkm__cache_watch_malloc(true);
}

void brkm__record_by(const struct recorder *recorder, bool on)
{
    relaxed_store(brkm__recorder, recorder);
    __atomic_store_n(&brkm__recording, on, __ATOMIC_RELEASE);
    if (watcher_get() == NULL) {
        brkm__cache_watch_malloc(on);
    }
    const struct neighbour *neighbour = relaxed_load(brkm__neighbour);
    if (neighbour != NULL) {
        neighbour->watch(on);
    }
}

/* ---- Notes ---- */

struct sample_weight brkm__watch_weigh(size_t size)
{
    if (!recorder_is_on()) {
        return (struct sample_weight){0, 0};
    }
    const struct recorder *recorder = relaxed_load(brkm__recorder);
    return watcher_get() != NULL ? recorder->weigh_apart(size) : recorder->weigh(size);
}

/* True for an ordinary block, whose header says whether it is noted; the watcher knows of its own.
 */
static bool is_ordinary(struct held held)
{
    return !held.is_watched && held.origin != ORIGIN_APART;
}

static void mark(const void *memory)
{
    block_change_state(block_from_payload(memory), BLOCK_IN_USE, BLOCK_NOTED);
}

/* Of two threads that free a block at a time one is told. */
static void unmark(const void *memory, struct held held, const char *caller)
{
    struct mem_control_block *block = block_from_payload(memory);
    if (unlikely(!block_try_change_state(block, BLOCK_NOTED, BLOCK_IN_USE))) {
        brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){memory, held.usable_size, caller});
    }
}

void brkm__watch_note(void *memory, struct held held, struct sample_weight weight)
{
    if (likely(weight.bytes == 0)) {
        return;
    }
    if (is_ordinary(held)) {
        mark(memory);
    }
    relaxed_load(brkm__recorder)->note(memory, weight);
}

struct note brkm__watch_take_note(void *memory, struct held *held)
{
    if (likely(!held->is_noted)) {
        return (struct note){.address = 0};
    }
    if (is_ordinary(*held)) {
        unmark(memory, *held, "realloc");
        held->is_noted = false;
    }
    return relaxed_load(brkm__recorder)->take(memory);
}

void brkm__watch_put_back(void *memory, struct held held, struct note note)
{
    if (held.is_noted && is_ordinary(held)) {
        mark(memory);
    }
    if (note.address != 0) {
        relaxed_load(brkm__recorder)->put_back(note);
    }
}

/* ---- Blocks ---- */

struct allocated brkm__watch_serve(size_t size, size_t room, size_t alignment,
                                   struct sample_weight weight)
{
    const struct watcher *watcher = watcher_get();
    const struct request request = {size, room, alignment, weight.bytes != 0};
    struct allocated result;
    bool is_watched = watcher != NULL && watcher->serve(&request, &result);
    if (!is_watched) {
        result = brkm__serve_any(room, alignment);
    }
    if (result.memory != NULL) {
        brkm__watch_note(result.memory, (struct held){.is_watched = is_watched}, weight);
    }
    return result;
}

void brkm__watch_release(void *memory, struct held held, const char *caller)
{
    const struct watcher *watcher = watcher_get();
    if (unlikely(held.is_noted)) {
        if (is_ordinary(held)) {
            unmark(memory, held, caller);
        }
        relaxed_load(brkm__recorder)->forget(memory);
    }
    bool is_watchers = watcher != NULL && held.origin != ORIGIN_ROW;
    if (likely(!is_watchers) || !watcher->release(memory, held, caller)) {
        brkm__take_back(memory, held, caller);
    }
}

/* ---- Statistics ---- */

struct watch_figures brkm__watch_figures(void)
{
    struct watch_figures figures = {0};
    const struct watcher *watcher = watcher_get();
    const struct recorder *recorder = relaxed_load(brkm__recorder);
    if (watcher != NULL) {
        watcher->count(&figures);
    }
    if (recorder != NULL) {
        recorder->count(&figures);
    }
    return figures;
}
