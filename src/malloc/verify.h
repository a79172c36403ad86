/* SPDX-License-Identifier: MIT
 * Judging the pointers that a program hands in. */
#ifndef BRKMALLOC_MALLOC_VERIFY_H
#define BRKMALLOC_MALLOC_VERIFY_H

#include "base/base.h"

/* Where a block came from. */
enum origin { ORIGIN_HEAP, ORIGIN_MAPPED, ORIGIN_ZERO_SIZE, ORIGIN_GUARDED, ORIGIN_FOREIGN };

/* A block that was verified. */
struct held {
    enum origin origin;
    size_t usable_size;
    /* Of a block that is watched: its usable size is what was asked for. */
    bool is_watched;
    unsigned marks; /* of enum canary_mark */
};

/* True when the usable size is exactly what was asked for. */
static inline bool held_tells_request(struct held held)
{
    return held.is_watched || held.origin == ORIGIN_ZERO_SIZE || held.origin == ORIGIN_GUARDED;
}

/* Ends the program unless `memory` is the start of a block in use whose header, and the header
 * behind it, are as they were written; or foreign, where that is accepted (see foreign.h). Reads
 * nothing at an address that is not ours. `caller` is the public function, for the message. */
struct held brkm__verify_in_use(const void *memory, const char *caller);

#endif
