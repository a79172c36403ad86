/* SPDX-License-Identifier: MIT
 * Judging the pointers that a program hands in. */
#ifndef BRKMALLOC_MALLOC_VERIFY_H
#define BRKMALLOC_MALLOC_VERIFY_H

#include "base/base.h"
#include "kit/report.h"

/* Where a block came from; ROW: it has no header (heap/rows.h); APART: from the watcher's own
 * memory (watcher.h). */
enum origin { ORIGIN_HEAP, ORIGIN_MAPPED, ORIGIN_ROW, ORIGIN_APART, ORIGIN_FOREIGN };

/* A block that was verified. */
struct held {
    enum origin origin;
    size_t usable_size;
    bool is_exact;   /* the usable size is what was asked for */
    bool is_watched; /* by the watcher, although it lies among others */
    bool is_noted;   /* by the recorder */
};

/* Ends the program unless `memory` is the start of a block in use whose header, and the header
 * behind it, are as they were written; or foreign, where that is accepted (see foreign.h). Reads
 * nothing at an address that is not ours. `caller` is the public function, for the message. */
struct held brkm__verify_in_use(const void *memory, const char *caller);

/* What the function `caller` does with a block that was freed before. */
enum fault brkm__verify_fault_of_freed(const char *caller);

#endif
