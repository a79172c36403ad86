/* SPDX-License-Identifier: MIT
 * What a request that may wait does when there is no memory: caches and shrinkers give some back,
 * and it is tried again, as often as its flags say. */
#ifndef BRKMALLOC_KERNEL_SHRINK_H
#define BRKMALLOC_KERNEL_SHRINK_H

#include "kernel/gfp.h"

struct shrink_rounds {
    brkm_gfp_t flags;
    unsigned round;
};

static inline struct shrink_rounds shrink_begin(brkm_gfp_t flags)
{
    return (struct shrink_rounds){flags, 0};
}

/* After a try that failed: gives memory back. True when it is worth another try. */
BRKM_COLD bool brkm__shrink_again(struct shrink_rounds *rounds);

/* For fork. */
void brkm__shrinkers_lock(void);
void brkm__shrinkers_open(void);

#endif
