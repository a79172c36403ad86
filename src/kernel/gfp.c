/* SPDX-License-Identifier: MIT
 * See gfp.h. */
#include "kernel/gfp.h"

#include <errno.h>
#include <stdatomic.h>

#include "kit/report.h"

/* Failed requests that are told on standard error: a program that goes on without memory shall not
 * drown in messages. */
#define TOLD_MOST 10

/* Flags that the calling thread's requests lose. Written and read by the thread. */
static _Thread_local unsigned withheld __attribute__((tls_model("initial-exec")));

/* Changed by whoever tells: relaxed, a bound only. */
static atomic_uint failures_told;
static atomic_flag contradiction_told = ATOMIC_FLAG_INIT;

/* ---- Contexts ---- */

static unsigned withhold(unsigned flags)
{
    unsigned saved = withheld;
    withheld |= flags;
    return saved;
}

BRKM_ENTRY unsigned brkm_memalloc_nofs_save(void)
{
    return withhold(BRKM_GFP_FS);
}

BRKM_ENTRY void brkm_memalloc_nofs_restore(unsigned saved)
{
    withheld = (withheld & ~BRKM_GFP_FS) | (saved & BRKM_GFP_FS);
}

BRKM_ENTRY unsigned brkm_memalloc_noio_save(void)
{
    return withhold(BRKM_GFP_FS | BRKM_GFP_IO);
}

BRKM_ENTRY void brkm_memalloc_noio_restore(unsigned saved)
{
    withheld = saved;
}

brkm_gfp_t brkm__gfp_in_context(brkm_gfp_t flags)
{
    return flags & ~withheld;
}

/* ---- Contradictions ---- */

/* Why the flags cannot be meant; NULL when they can. */
static const char *contradiction(brkm_gfp_t flags)
{
    if ((flags & ~BRKM_GFP_ALL) != 0) {
        return "bits that are no flag";
    }
    if ((flags & BRKM_GFP_NOFAIL) != 0 && !gfp_may_wait(flags)) {
        return "must not fail (__GFP_NOFAIL), but must not wait";
    }
    if ((flags & BRKM_GFP_NORETRY) != 0 &&
        (flags & (BRKM_GFP_NOFAIL | BRKM_GFP_RETRY_MAYFAIL)) != 0) {
        return "__GFP_NORETRY with __GFP_NOFAIL or __GFP_RETRY_MAYFAIL";
    }
    unsigned zones = flags & (BRKM_GFP_DMA | BRKM_GFP_DMA32 | BRKM_GFP_HIGHMEM);
    if (zones != 0 && !is_power_of_two(zones)) {
        return "more than one zone";
    }
    return NULL;
}

static BRKM_COLD void tell_contradiction(brkm_gfp_t flags, const char *why)
{
    if (atomic_flag_test_and_set_explicit(&contradiction_told, memory_order_relaxed)) {
        return;
    }
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: flags of an allocation contradict each other: ");
    brkm__line_add_text(&line, why);
    brkm__line_add_text(&line, " (flags ");
    brkm__line_add_pointer(&line, (const void *)(uintptr_t)flags);
    brkm__line_add_text(&line, ")");
    brkm__line_write(&line);
}

bool brkm__gfp_check(brkm_gfp_t flags)
{
    const char *why = contradiction(flags);
    if (likely(why == NULL)) {
        return true;
    }
    if (gfp_may_wait(flags)) {
        tell_contradiction(flags, why);
    }
    errno = EINVAL;
    return false;
}

enum gfp_zone brkm__gfp_zone(brkm_gfp_t flags)
{
    if ((flags & BRKM_GFP_DMA) != 0) {
        return GFP_ZONE_DMA;
    }
    return (flags & BRKM_GFP_DMA32) != 0 ? GFP_ZONE_DMA32 : GFP_ZONE_NORMAL;
}

/* ---- Failure ---- */

/* A message is a system call: only where the request may make one. */
static BRKM_COLD void tell_failure(brkm_gfp_t flags, size_t size, const char *what)
{
    if (atomic_fetch_add_explicit(&failures_told, 1, memory_order_relaxed) >= TOLD_MOST) {
        return;
    }
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: ");
    brkm__line_add_text(&line, what);
    brkm__line_add_text(&line, ": no memory for ");
    brkm__line_add_number(&line, size);
    brkm__line_add_text(&line, " bytes, flags ");
    brkm__line_add_pointer(&line, (const void *)(uintptr_t)flags);
    brkm__line_write(&line);
}

void *brkm__gfp_fail(brkm_gfp_t flags, size_t size, const char *what)
{
    if (gfp_may_wait(flags) && (flags & BRKM_GFP_NOWARN) == 0) {
        tell_failure(flags, size, what);
    }
    errno = ENOMEM;
    return NULL;
}
