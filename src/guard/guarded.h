/* SPDX-License-Identifier: MIT
 * Guarded blocks: one allocation in N (option guard_sample) lives alone on a page of its
 * own between inaccessible pages, as in GWP-ASan. A read or write past the page, or after the block
 * was freed, faults at the instruction; who allocated and who freed the block is known.
 *
 *   | guard | slot 0 | guard | slot 1 | guard | ...
 *
 * A block borders the guard behind it, or, one time in four, that in front. What its page has left
 * is filled with a canary. A freed slot is inaccessible and is used again as late as possible. What
 * is known of the slots lies elsewhere. Takes its own lock. */
#ifndef BRKMALLOC_GUARD_GUARDED_H
#define BRKMALLOC_GUARD_GUARDED_H

#include "base/base.h"
#include "kit/lock.h"
#include "kit/report.h"

/* Return addresses that are kept of each stack. */
#define GUARDED_FRAMES 24

/* Who did something, and from where. */
struct guarded_trace {
    int thread; /* the kernel's number; 0 when it was not done */
    unsigned count;
    void *frames[GUARDED_FRAMES]; /* the innermost first */
};

/* A block in its slot; all zero in a slot that was never used. */
struct guarded_block {
    void *memory;
    size_t size; /* bytes asked for */
    bool is_in_use;
    bool is_noted; /* by the recorder */
    struct guarded_trace allocated;
    struct guarded_trace freed;
};

/* ---- Which allocations ---- */

/* The thread's own. */
struct guarded_sampling {
    uint64_t left;   /* allocations up to the next guarded one; 0 before the first */
    uint64_t random; /* 0 before the first */
};

extern _Thread_local struct guarded_sampling brkm__guarded_sampling BRKM_HIDDEN
    __attribute__((tls_model("initial-exec")));

/* Draws the gap to the next guarded allocation. */
void brkm__guarded_draw(void);

/* True for one call in guard_sample, which is not 0. */
static inline bool guarded_is_due(void)
{
    if (unlikely(brkm__guarded_sampling.left == 0)) {
        brkm__guarded_draw();
    }
    if (likely(--brkm__guarded_sampling.left != 0)) {
        return false;
    }
    brkm__guarded_draw();
    return true;
}

/* In the child of a fork: its thread guards other allocations than its parent. */
void brkm__guarded_after_fork(void);

/* ---- Blocks ---- */

/* A block whose bytes are zero. NULL when size or alignment are above a page, all slots are in use
 * or memory is short. */
void *brkm__guarded_allocate(size_t size, size_t alignment, bool noted);

/* True when `address` lies in a slot or a guard. */
bool brkm__guarded_contains(const void *address);

enum guarded_lookup { GUARDED_IN_USE, GUARDED_FREED, GUARDED_UNKNOWN };

/* Whether a block begins at `memory`, which may be any address; stores its size, and whether it is
 * noted, when it is in use. */
enum guarded_lookup brkm__guarded_find(const void *memory, size_t *size, bool *noted);

/* Frees the block at `memory`; false when *fault was in the way: it was not in use any more, or the
 * canary in front of it or behind it was overwritten. */
bool brkm__guarded_free(void *memory, enum fault *fault);

/* The first block in use whose canary was overwritten; NULL when there is none. */
const struct guarded_block *brkm__guarded_find_damaged(enum fault *fault);

/* The block that an access at `address` was most likely meant for: that on the same page, or the
 * nearest one beside a guard; blocks in use come first. NULL when there is none. Takes no lock: for
 * the explanation of a fault, which may have come at any point. */
const struct guarded_block *brkm__guarded_near(const void *address);

/* ---- The whole ---- */

struct guarded_totals {
    size_t pool_bytes; /* from the system, slots and guards and what is known of them */
    size_t blocks;     /* in use */
    size_t bytes;      /* of these, as asked for */
    size_t allocations;
    size_t missed;      /* allocations that were due and found all slots in use */
    uint64_t contended; /* lock acquisitions that found the lock taken */
};

struct guarded_totals brkm__guarded_totals(void);

extern struct lock brkm__guarded_lock;

/* In the child of a bare fork (process/bare_fork.h), where nobody is left who held the lock: blocks
 * in use stay so; slots that were free are not used again. */
void brkm__guarded_abandon(void);

#endif
