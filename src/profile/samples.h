/* SPDX-License-Identifier: MIT
 * Which blocks are samples of the heap profile: sampling (sampling.h) joined with the
 * profile's records (records.h). */
#ifndef BRKMALLOC_PROFILE_SAMPLES_H
#define BRKMALLOC_PROFILE_SAMPLES_H

#include <stdatomic.h>

#include "base/base.h"
#include "profile/sampling.h"

/* Written by the constructor and the program. Release pairs with acquire: who sees that samples are
 * taken sees what brkm__sampling_begin wrote. */
extern atomic_bool brkm__samples_are_taken BRKM_HIDDEN;

static inline bool samples_are_taken(void)
{
    return atomic_load_explicit(&brkm__samples_are_taken, memory_order_acquire);
}

/* Samples are taken from now on, or no longer. */
void brkm__samples_take(bool on);

/* What the next `size` bytes that the thread asks for stand for, where sampling_passes was asked
 * before; and where it was not, since each call is to be seen. */
struct sample_weight brkm__samples_count(size_t size);
struct sample_weight brkm__samples_count_apart(size_t size);

/* Records a block, if it is to be, and returns the mark for its trailer. */
unsigned brkm__samples_record(const void *memory, struct sample_weight weight);

/* The block at `memory`, with `marks` in its trailer, is freed or changes its size. */
void brkm__samples_forget(const void *memory, unsigned marks);

#endif
