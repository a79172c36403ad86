/* SPDX-License-Identifier: MIT
 * Layer 14: malloc and free where each call is to be seen: the hardened mode, and sampling for the
 * heap profile.
 *
 * While any option of it is on, malloc's fast path always misses (brkm__cache_watch_malloc), and
 * what it hands out is a watched block, which free's fast path does not take. The blocks come from
 * the same caches and heap as all others. With sampling alone only sampled blocks are watched. */
#ifndef BRKMALLOC_WATCH_H
#define BRKMALLOC_WATCH_H

#include "base.h"
#include "profile.h"
#include "sampling.h"
#include "serve.h"

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

/* True when an allocation of `size` bytes must come to brkm__watch_serve, and otherwise is counted.
 * Asked once for each. */
static BRKM_ALWAYS_INLINE bool watch_wants(size_t size)
{
    return unlikely(watch_is_any()) && !sampling_passes(size);
}

/* Puts the options into force. Called by the constructor. */
void brkm__watch_apply(void);

/* serve and serve_aligned; `room` bytes, at least `size`, are what the block may grow to. */
struct allocated brkm__watch_serve(size_t size, size_t room, size_t alignment);

/* take_back, for watched blocks and others. */
void brkm__watch_take_back(void *memory, struct held held, const char *caller);

/* True for a block that is not to be resized as others are. */
bool brkm__watch_has(struct held held);

/* Gives a watched block another size where it stands; false when it has no room. */
bool brkm__watch_resize(void *memory, struct held held, size_t size);

/* Begins or ends sampling, see brkm_profile_start. The records are there (profile.h). */
void brkm__watch_sample(bool on);

/* ---- Resizing while only samples are watched ---- */

/* What is to be known of a block that is resized. */
struct resample {
    struct sample_weight weight;  /* of the block as it will be; zero for no sample */
    struct profile_record record; /* of what it was; address 0 for no sample */
};

/* Makes the block at `memory` an ordinary one, for somebody to resize it to resample_room() bytes.
 * `wanted` says that watch_wants(size). */
struct resample brkm__resample_begin(void *memory, struct held *held, size_t size, bool wanted);
size_t brkm__resample_room(const struct resample *resample, size_t size);

/* Afterwards: the block at `memory` is what was resized. Or nothing happened to it. */
void brkm__resample_end(void *memory, const struct resample *resample);
void brkm__resample_cancel(void *memory, const struct resample *resample);

/* Gives back what is kept from being used again. True when there was something. */
bool brkm__watch_drain(void);

/* Verifies every block, in use and kept. Called at exit. */
void brkm__watch_check_all(void);

#endif
