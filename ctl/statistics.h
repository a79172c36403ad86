/* SPDX-License-Identifier: MIT
 *
 * The statistics of a process, read from the answer to `stats lines`. */
#ifndef BRKM_CTL_STATISTICS_H
#define BRKM_CTL_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* Size classes that are read; the allocator has no more. */
#define CLASSES_MAX 512

struct class_totals {
    uint64_t size; /* smallest block of the class, bytes */
    uint64_t in_use_blocks, in_use_bytes;
    uint64_t cached_bytes, free_blocks, free_bytes;
};

struct statistics {
    uint64_t age_ms;
    uint64_t total, in_use, cached, free, overhead; /* memory, bytes */
    uint64_t heap, heap_free, top;                  /* bytes */
    uint64_t mapped_blocks, mapped_bytes, peak;
    uint64_t refills, flushes; /* of thread caches, so far */
    uint64_t heap_blocks, heap_frees;
    uint64_t purged_bytes, trimmed_bytes;
    size_t class_count;
    struct class_totals classes[CLASSES_MAX];
};

/* What the text does not say is 0. */
void read_statistics(struct statistics *statistics, const char *text);

#endif
