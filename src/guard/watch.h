/* SPDX-License-Identifier: MIT
 * Whether each call of malloc and free is to be seen: by the hardened mode (hardened.h),
 * or by sampling for the heap profile (sampled.h).
 *
 * While it is, malloc's fast path always misses (brkm__cache_watch_malloc), and what it hands out
 * is a watched block, which free's fast path does not take. The blocks come from the same caches
 * and heap as all others. With sampling alone only sampled blocks are watched. */
#ifndef BRKMALLOC_GUARD_WATCH_H
#define BRKMALLOC_GUARD_WATCH_H

#include "base/base.h"
#include "profile/sampling.h"

enum watch_mode { WATCH_NONE, WATCH_SAMPLES, WATCH_ALL };

/* enum watch_mode. WATCH_ALL is written once, by the constructor before it lets malloc miss; the
 * others when the program begins and ends sampling. relaxed_load: a thread that sees it later
 * samples later. */
extern uint8_t brkm__watching BRKM_HIDDEN;

static inline bool watch_is_any(void)
{
    return relaxed_load(brkm__watching) != WATCH_NONE;
}

/* True when every block is watched. */
static inline bool watch_is_on(void)
{
    return relaxed_load(brkm__watching) == WATCH_ALL;
}

/* True when an allocation of `size` bytes must come to the hardened mode or to sampling, and
 * otherwise is counted. Asked once for each. */
static BRKM_ALWAYS_INLINE bool watch_wants(size_t size)
{
    return unlikely(watch_is_any()) && !sampling_passes(size);
}

/* Watches every block from now on. Called by the constructor. */
void brkm__watch_all(void);

/* Begins or ends sampling, see brkm_profile_start. The records are there (profile/records.h). */
void brkm__watch_sample(bool on);

#endif
