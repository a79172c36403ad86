/* SPDX-License-Identifier: MIT
 * Malloc, free and realloc of blocks of which only samples are watched. */
#ifndef BRKMALLOC_PROFILE_SAMPLED_H
#define BRKMALLOC_PROFILE_SAMPLED_H

#include "base/base.h"
#include "malloc/place.h"
#include "profile/records.h"
#include "profile/sampling.h"

/* serve and serve_aligned; `room` bytes, at least `size`, are what the block may grow to. It is
 * watched when it is a sample. */
struct allocated brkm__sampled_serve(size_t size, size_t room, size_t alignment);

/* take_back, for watched blocks and others. */
void brkm__sampled_take_back(void *memory, struct held held, const char *caller);

/* ---- Resizing ---- */

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

#endif
