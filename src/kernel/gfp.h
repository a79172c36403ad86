/* SPDX-License-Identifier: MIT
 * What the flags of a request say, in a process: whether it may wait and make system calls, use the
 * reserve, must not fail, and from which addresses it wants memory. */
#ifndef BRKMALLOC_KERNEL_GFP_H
#define BRKMALLOC_KERNEL_GFP_H

#include "base/base.h"
#include "brkmalloc/kernel.h"

enum gfp_zone { GFP_ZONE_DMA, GFP_ZONE_DMA32, GFP_ZONE_NORMAL, GFP_ZONE_COUNT };

/* Flags that make a request another one than "GFP_KERNEL or GFP_ATOMIC": it is looked at in full.
 */
#define GFP_UNUSUAL                                                                       \
    (~(unsigned)(BRKM_GFP_KERNEL | BRKM_GFP_HIGH | BRKM_GFP_HARDWALL | BRKM_GFP_ACCOUNT | \
                 BRKM_GFP_NOWARN))

static inline bool gfp_is_usual(brkm_gfp_t flags)
{
    return likely((flags & GFP_UNUSUAL) == 0);
}

/* True when the request may wait, take locks and make system calls. */
static inline bool gfp_may_wait(brkm_gfp_t flags)
{
    return (flags & BRKM_GFP_DIRECT_RECLAIM) != 0;
}

/* True when the request may be served from the reserve. */
static inline bool gfp_may_use_reserve(brkm_gfp_t flags)
{
    return (flags & (BRKM_GFP_HIGH | BRKM_GFP_MEMALLOC)) != 0 && (flags & BRKM_GFP_NOMEMALLOC) == 0;
}

/* The flags as the calling thread may use them (brkm_memalloc_nofs_save). */
brkm_gfp_t brkm__gfp_in_context(brkm_gfp_t flags);

/* False, with errno EINVAL and one warning per process and kind, when the flags contradict each
 * other or are none. */
bool brkm__gfp_check(brkm_gfp_t flags);

/* The highest zone that may serve the request. */
enum gfp_zone brkm__gfp_zone(brkm_gfp_t flags);

/* What a failed request does: sets errno, and says so on standard error unless the flags, or the
 * option, forbid it. Returns NULL. `what` is the function's name. */
BRKM_COLD void *brkm__gfp_fail(brkm_gfp_t flags, size_t size, const char *what);

#endif
