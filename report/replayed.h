/* SPDX-License-Identifier: MIT
 * What brkmalloc-replay printed of a trace: memory over the events. */
#ifndef REPORT_REPLAYED_H
#define REPORT_REPLAYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_sample {
    uint64_t events;
    uint64_t resident_bytes;
    uint64_t break_bytes;
};

struct replayed {
    struct replay_sample *samples; /* by events */
    size_t count;
    size_t capacity;
};

/* False where the file cannot be read or has no sample. */
bool replayed_read(struct replayed *replayed, const char *path);
void replayed_free(struct replayed *replayed);

#endif
