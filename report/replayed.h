/* SPDX-License-Identifier: MIT
 * What brkmalloc-replay printed of a trace on one allocator or several: figures, and memory over
 * the events. */
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

/* X(field, word): figures in bytes, by the word that their line begins with. */
#define REPLAY_FIGURES(X)                     \
    X(peak_resident, "peak_resident_bytes")   \
    X(peak_live, "peak_live_bytes")           \
    X(end_resident, "end_resident_bytes")     \
    X(freed_resident, "freed_resident_bytes") \
    X(peak_break, "peak_break_bytes")

struct replayed {
    char *name;           /* of the allocator; NULL: brkmalloc's own replay */
    char *failure;        /* NULL: none */
    char *addresses_file; /* where it had the blocks; NULL: not told */
    double seconds;
#define REPLAY_FIELD(field, word) uint64_t field;
    REPLAY_FIGURES(REPLAY_FIELD)
#undef REPLAY_FIELD
    struct replay_sample *samples; /* by events */
    size_t count;
    size_t capacity;
};

struct replays {
    struct replayed *all;
    size_t count;
    size_t capacity;
};

/* Lines "allocator NAME" begin the next allocator. False where the file cannot be read or there is
 * neither a sample nor a failure in it. */
bool replays_read(struct replays *replays, const char *path);
void replays_free(struct replays *replays);

#endif
