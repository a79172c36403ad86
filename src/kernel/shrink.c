/* SPDX-License-Identifier: MIT
 * See shrink.h. */
#include "kernel/shrink.h"

#include <pthread.h>
#include <stdio.h>

#include "kernel/cache.h"
#include "kernel/page_alloc.h"
#include "kernel/pages.h"
#include "malloc/malloc.h"
#include "system/os_thread.h"

/* Rounds of giving back before a request fails: the kernel tries harder for __GFP_RETRY_MAYFAIL. */
#define ROUNDS 3u
#define ROUNDS_RETRY 16u

/* Milliseconds between two tries of a request that must not fail: doubled each time up to the
 * last. */
#define PAUSE_FIRST 1u
#define PAUSE_DOUBLINGS 7u

/* Objects that a shrinker is asked to look at per call, where it does not say. */
#define BATCH 128

static struct {
    /* Held while shrinkers run: their callbacks must not register or free one. */
    struct spin lock;
    struct brkm_shrinker *first;
} shrinkers;

/* True in a thread whose shrinkers run: what they allocate must not call them again. */
static _Thread_local bool is_shrinking __attribute__((tls_model("initial-exec")));

/* ---- Shrinkers ---- */

BRKM_ENTRY struct brkm_shrinker *brkm_shrinker_alloc(unsigned flags, const char *format, ...)
{
    (void)format;
    struct brkm_shrinker *shrinker = brkm_calloc(1, sizeof(*shrinker));
    if (shrinker != NULL) {
        shrinker->flags = flags;
    }
    return shrinker;
}

BRKM_ENTRY void brkm_shrinker_register(struct brkm_shrinker *shrinker)
{
    spin_acquire(&shrinkers.lock);
    shrinker->next = shrinkers.first;
    shrinkers.first = shrinker;
    spin_release(&shrinkers.lock);
}

BRKM_ENTRY void brkm_shrinker_free(struct brkm_shrinker *shrinker)
{
    if (shrinker == NULL) {
        return;
    }
    spin_acquire(&shrinkers.lock);
    struct brkm_shrinker **link = &shrinkers.first;
    while (*link != NULL && *link != shrinker) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = shrinker->next;
    }
    spin_release(&shrinkers.lock);
    brkm_free(shrinker);
}

static unsigned long run(struct brkm_shrinker *shrinker, brkm_gfp_t flags)
{
    struct brkm_shrink_control control = {.gfp_mask = flags};
    unsigned long left = shrinker->count_objects(shrinker, &control);
    if (left == 0 || left == BRKM_SHRINK_EMPTY) {
        return 0;
    }
    unsigned long batch = shrinker->batch > 0 ? (unsigned long)shrinker->batch : BATCH;
    unsigned long freed = 0;
    while (left > 0) {
        control.nr_to_scan = control.nr_scanned = left < batch ? left : batch;
        unsigned long now = shrinker->scan_objects(shrinker, &control);
        if (now == BRKM_SHRINK_STOP || control.nr_scanned == 0) {
            break;
        }
        freed += now;
        left -= left < control.nr_scanned ? left : control.nr_scanned;
    }
    return freed;
}

static unsigned long run_all(brkm_gfp_t flags)
{
    unsigned long freed = 0;
    is_shrinking = true;
    spin_acquire(&shrinkers.lock);
    for (struct brkm_shrinker *one = shrinkers.first; one != NULL; one = one->next) {
        freed += run(one, flags);
    }
    spin_release(&shrinkers.lock);
    is_shrinking = false;
    return freed;
}

/* ---- Another try ---- */

static unsigned rounds_for(brkm_gfp_t flags)
{
    if ((flags & BRKM_GFP_NORETRY) != 0) {
        return 0;
    }
    return (flags & BRKM_GFP_RETRY_MAYFAIL) != 0 ? ROUNDS_RETRY : ROUNDS;
}

static void pause_for(unsigned round)
{
    uint32_t word = 0;
    unsigned doublings = round < PAUSE_DOUBLINGS ? round : PAUSE_DOUBLINGS;
    brkm__os_wait_at_most(&word, 0, PAUSE_FIRST << doublings);
}

bool brkm__shrink_again(struct shrink_rounds *rounds)
{
    brkm_gfp_t flags = rounds->flags;
    unsigned round = rounds->round++;
    bool must_succeed = (flags & BRKM_GFP_NOFAIL) != 0;
    if (!gfp_may_wait(flags) || (is_shrinking && !must_succeed)) {
        return false;
    }
    unsigned long freed = is_shrinking || (flags & BRKM_GFP_NORETRY) != 0 ? 0 : run_all(flags);
    size_t returned = brkm_kernel_trim() + (size_t)brkm_malloc_trim(0);
    if (must_succeed) {
        if (freed == 0 && returned == 0) {
            pause_for(round);
        }
        return true;
    }
    return (freed != 0 || returned != 0) && round < rounds_for(flags);
}

BRKM_ENTRY size_t brkm_kernel_trim(void)
{
    struct kernel_thread *thread = brkm__kernel_thread_own();
    if (thread != NULL) {
        brkm__page_flush(thread);
    }
    brkm__caches_return_empty();
    return brkm__pages_trim();
}

/* ---- Fork ---- */

void brkm__shrinkers_lock(void)
{
    spin_acquire(&shrinkers.lock);
}

void brkm__shrinkers_open(void)
{
    spin_release(&shrinkers.lock);
}
