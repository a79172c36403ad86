/* SPDX-License-Identifier: MIT
 * See decay.h. */
#include "service/decay.h"

#include "cache/depot.h"
#include "heap/heaps.h"
#include "heap/purge.h"

static bool was_quiet(const struct heap_look *look, uint64_t calls)
{
    return calls == 0 || (calls <= DECAY_FEW_CALLS && !look->regretted);
}

/* True when all went back that can. What cannot, such as memory that is locked, would only be tried
 * again and again. */
static bool give_back(void)
{
    brkm__depot_drain();
    bool finished;
    size_t released = brkm__heaps_decay(brkm__purge_keeps(), &finished);
    return finished && brkm__heaps_set_alarm(released == 0);
}

uint64_t brkm__decay_look(struct decay *decay)
{
    struct heap_look look = brkm__heaps_look();
    uint64_t calls = look.calls - decay->calls;
    bool asleep = was_quiet(&look, calls) && give_back();
    /* What the depot gave to the heap is no call of the program. */
    decay->calls = brkm__heaps_look().calls;
    return asleep ? DECAY_UNTIL_ALARM : DECAY_LOOK_MS;
}
