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

/* X(section, key): the member section_key, which every form but the table names so. Bytes include
 * the headers of blocks. */
#define BRKM_STATISTICS(X)       \
    X(process, id)               \
    X(process, age_ms)           \
    X(served, heap_blocks)       \
    X(served, heap_frees)        \
    X(served, mapped_blocks)     \
    X(served, guarded_blocks)    \
    X(served, guarded_missed)    \
    X(memory, total)             \
    X(memory, in_use)            \
    X(memory, cached)            \
    X(memory, free)              \
    X(memory, overhead)          \
    X(peak, total)               \
    X(peak, after_ms)            \
    X(caches, threads)           \
    X(caches, bytes)             \
    X(caches, blocks)            \
    X(caches, refills)           \
    X(caches, flushes)           \
    X(caches, depot_bytes)       \
    X(caches, depot_blocks)      \
    X(caches, quarantine_bytes)  \
    X(caches, quarantine_blocks) \
    X(in_use, heap_bytes)        \
    X(in_use, heap_blocks)       \
    X(in_use, heap_peak)         \
    X(in_use, mapped_bytes)      \
    X(in_use, mapped_blocks)     \
    X(in_use, mapped_peak)       \
    X(in_use, guarded_bytes)     \
    X(in_use, guarded_blocks)    \
    X(heap, from_system)         \
    X(heap, from_system_peak)    \
    X(heap, free)                \
    X(heap, free_blocks)         \
    X(heap, top)                 \
    X(heap, regions)             \
    X(heap, damaged)             \
    X(events, grown)             \
    X(events, trimmed)           \
    X(events, trimmed_bytes)     \
    X(events, purged)            \
    X(events, purged_bytes)      \
    X(limits, soft)              \
    X(limits, soft_met)          \
    X(limits, hard)              \
    X(limits, hard_met)          \
    X(locks, all)                \
    X(locks, heap)               \
    X(locks, mapped)             \
    X(locks, guarded)            \
    X(locks, caches)             \
    X(locks, depot)              \
    X(locks, profile)            \
    X(locks, heap_taken)         \
    X(locks, depot_taken)        \
    X(kernel, from_system)       \
    X(kernel, caches)            \
    X(kernel, objects)           \
    X(kernel, object_bytes)      \
    X(kernel, page_bytes)        \
    X(kernel, areas)             \
    X(kernel, area_bytes)        \
    X(kernel, cached)            \
    X(kernel, free)              \
    X(profile, samples)          \
    X(profile, live)             \
    X(profile, stacks)           \
    X(profile, lost)             \
    X(profile, bytes)

struct snapshot {
#define BRKM_STATISTICS_MEMBER(section, key) uint64_t section##_##key;
    BRKM_STATISTICS(BRKM_STATISTICS_MEMBER)
#undef BRKM_STATISTICS_MEMBER
};

/* A row of the table above, in its order. */
struct snapshot_row {
    const char *section, *key;
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
