/* SPDX-License-Identifier: MIT
 * The statistics: one picture of the counters that other modules own, and of a walk
 * through the heap. Memory from the system, mapped or in the heap, is of one moment; caches and the
 * depot are each of their own. In the whole
 * memory_in_use + memory_cached + memory_free + memory_overhead == memory_total. */
#ifndef BRKMALLOC_STATS_STATS_H
#define BRKMALLOC_STATS_STATS_H

#include "base/base.h"
#include "base/config.h"
#include "cache/cache_registry.h"

/* X(section, key, label): the member section_key, in text "<number> label" on the section's line.
 * Bytes include the headers of blocks. */
#define BRKM_STATISTICS(X)                                    \
    X(process, id, "(process id)")                            \
    X(process, age_ms, "milliseconds since the first memory") \
    X(served, heap_blocks, "blocks from the heap")            \
    X(served, heap_frees, "freed to it")                      \
    X(served, mapped_blocks, "mapped blocks")                 \
    X(served, guarded_blocks, "guarded blocks")               \
    X(served, guarded_missed, "due and not guarded")          \
    X(memory, total, "bytes in all")                          \
    X(memory, in_use, "in use")                               \
    X(memory, cached, "cached")                               \
    X(memory, free, "free")                                   \
    X(memory, overhead, "overhead")                           \
    X(peak, total, "bytes in all at most")                    \
    X(peak, after_ms, "milliseconds after the first memory")  \
    X(caches, threads, "threads")                             \
    X(caches, bytes, "bytes")                                 \
    X(caches, blocks, "blocks")                               \
    X(caches, refills, "refills")                             \
    X(caches, flushes, "flushes")                             \
    X(caches, depot_bytes, "bytes in the depot")              \
    X(caches, depot_blocks, "blocks in the depot")            \
    X(caches, quarantine_bytes, "bytes in quarantine")        \
    X(caches, quarantine_blocks, "blocks in quarantine")      \
    X(in_use, heap_bytes, "bytes in heap blocks")             \
    X(in_use, heap_blocks, "heap blocks")                     \
    X(in_use, heap_peak, "at most, with caches")              \
    X(in_use, mapped_bytes, "bytes mapped")                   \
    X(in_use, mapped_blocks, "mapped blocks in use")          \
    X(in_use, mapped_peak, "at most")                         \
    X(in_use, guarded_bytes, "bytes guarded")                 \
    X(in_use, guarded_blocks, "guarded blocks in use")        \
    X(heap, from_system, "bytes from the system")             \
    X(heap, from_system_peak, "at most")                      \
    X(heap, free, "bytes free")                               \
    X(heap, free_blocks, "free blocks")                       \
    X(heap, top, "bytes in the top")                          \
    X(heap, regions, "regions")                               \
    X(heap, damaged, "bytes behind damaged headers")          \
    X(events, grown, "times grown")                           \
    X(events, trimmed, "times trimmed")                       \
    X(events, trimmed_bytes, "bytes trimmed")                 \
    X(events, purged, "times purged")                         \
    X(events, purged_bytes, "bytes purged")                   \
    X(limits, soft, "bytes of the soft limit")                \
    X(limits, soft_met, "times met")                          \
    X(limits, hard, "bytes of the hard limit")                \
    X(limits, hard_met, "times refused")                      \
    X(locks, all, "lock waits")                               \
    X(locks, heap, "for the heap")                            \
    X(locks, mapped, "for mapped blocks")                     \
    X(locks, guarded, "for guarded blocks")                   \
    X(locks, caches, "for the list of caches")                \
    X(locks, depot, "for the depot")                          \
    X(locks, profile, "for the heap profile")                 \
    X(profile, samples, "samples")                            \
    X(profile, live, "in use")                                \
    X(profile, stacks, "call stacks")                         \
    X(profile, lost, "without room")                          \
    X(profile, bytes, "bytes of its own")

struct snapshot {
#define BRKM_STATISTICS_MEMBER(section, key, label) uint64_t section##_##key;
    BRKM_STATISTICS(BRKM_STATISTICS_MEMBER)
#undef BRKM_STATISTICS_MEMBER
};

/* A row of the table above, in its order. */
struct snapshot_row {
    const char *section, *key, *label;
    size_t offset; /* of the member */
};

#define SNAPSHOT_ROWS (sizeof(struct snapshot) / sizeof(uint64_t))

extern const struct snapshot_row brkm__snapshot_rows[SNAPSHOT_ROWS];

static inline uint64_t snapshot_value(const struct snapshot *snapshot, size_t row)
{
    return ((const uint64_t *)snapshot)[row];
}

/* Blocks in one state, of one bin's sizes or of all. */
struct block_totals {
    uint64_t blocks, bytes;
    size_t smallest, largest; /* bytes of a block */
};

enum snapshot_state { SNAPSHOT_IN_USE, SNAPSHOT_CACHED, SNAPSHOT_FREE, SNAPSHOT_STATES };

/* Thread caches that are listed one by one. */
#define SNAPSHOT_CACHES 1024

struct snapshot_detail {
    /* By bin (size_class.h) and state; the top is none of the free blocks. */
    struct block_totals classes[BRKM_BIN_COUNT][SNAPSHOT_STATES];
    size_t caches_listed;
    struct cache_record caches[SNAPSHOT_CACHES];
};

/* True when no block of a class, with its totals by state, exists. */
static inline bool snapshot_class_is_empty(const struct block_totals *states)
{
    return states[SNAPSHOT_IN_USE].blocks == 0 && states[SNAPSHOT_CACHED].blocks == 0 &&
           states[SNAPSHOT_FREE].blocks == 0;
}

/* The counters alone, in constant time: what is cached counts with the sizes of its classes, of
 * which single blocks may be a little larger. */
struct snapshot brkm__snapshot_of_counters(void);

/* Blocks of the heap that neither the program has nor the heap. */
size_t brkm__snapshot_cached_blocks(const struct snapshot *now);

/* All of it, exact, by a walk through the heap under its lock. Stores detail in *detail, which is
 * NULL when there is no memory for it; brkm__snapshot_end gives that back. */
struct snapshot brkm__snapshot_begin(struct snapshot_detail **detail);
void brkm__snapshot_end(struct snapshot_detail *detail);

#endif
