/* SPDX-License-Identifier: MIT
 * Words that read as zero in the child of a fork, whichever call made it: the threads whose doings
 * they tell of do not exist there. */
#ifndef BRKMALLOC_KIT_WIPED_H
#define BRKMALLOC_KIT_WIPED_H

#include "base/base.h"

/* The system waits on them and wakes: not _Atomic. */
struct wiped_words {
    /* What the word of a lock becomes that is taken, see lock.h. Written by who settles
     * (process/bare_fork.h), release; relaxed elsewhere, as the locks themselves order what they
     * guard. */
    uint32_t lock_mark;
    /* Whether a fault is being explained (guard/explain.c); acquire and release. */
    uint32_t explanation;
};

/* Never NULL. Released by the constructor when they lie on a page that the kernel wipes; before,
 * and without BRKM_BARE_FORK or where the system has no such page, a child inherits them. */
extern struct wiped_words *brkm__wiped BRKM_HIDDEN;

static inline struct wiped_words *wiped_words(void)
{
    return __atomic_load_n(&brkm__wiped, __ATOMIC_ACQUIRE);
}

/* Called by the constructor. */
void brkm__wiped_begin(void);

#endif
