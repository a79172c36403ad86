/* SPDX-License-Identifier: MIT
 * See decay.h. */
#include "service/decay.h"

#include "cache/depot.h"
#include "heap/heap.h"
#include "heap/purge.h"

static bool was_quiet(const struct heap_look *look, uint64_t calls)
{
    return calls == 0 || (calls <= DECAY_FEW_CALLS && !look->regretted);
}

/* True when all went back that can. What cannot, such as memory that is locked, would only be tried
 * again and again. */
static bool give_back(struct heap *heap)
{
    brkm__depot_drain();
    bool finished;
    size_t released = brkm__heap_decay(heap, brkm__purge_keeps(), &finished);
    return finished && brkm__heap_set_alarm(heap, released == 0);
}

uint64_t brkm__decay_look(struct decay *decay)
{
    struct heap *heap = &brkm__main_heap;
    struct heap_look look = brkm__heap_look(heap);
    uint64_t calls = look.calls - decay->calls;
    bool asleep = was_quiet(&look, calls) && give_back(heap);
    /* What the depot gave to the heap is no call of the program. */
    decay->calls = brkm__heap_look(heap).calls;
    return asleep ? DECAY_UNTIL_ALARM : DECAY_LOOK_MS;
}
