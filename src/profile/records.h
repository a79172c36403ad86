/* SPDX-License-Identifier: MIT
 * The records of the heap profile: each stack that asked for a sampled block, with what
 * its blocks stand for, and each sampled block that is in use. Kept in memory of its own, which is
 * on the account of the footprint and bounded. */
#ifndef BRKMALLOC_PROFILE_RECORDS_H
#define BRKMALLOC_PROFILE_RECORDS_H

#include "base/base.h"
#include "kit/lock.h"
#include "profile/objects.h"
#include "profile/sampling.h"

/* Return addresses of a stack; of a deeper one the innermost. */
#define PROFILE_FRAMES_MAX 128

/* Bytes that the stacks may take, 100 000 or more of them; and sampled blocks in use at one time,
 * 512 MiB of records at most. */
#define PROFILE_STACKS_BYTES (64 * BRKM_MIB)
#define PROFILE_BLOCKS_MAX ((size_t)1 << 23)

/* Sums of weights. */
struct profile_sum {
    uint64_t bytes;
    uint64_t block_parts; /* of SAMPLING_BLOCK */
};

/* Blocks of a sum, rounded. */
static inline uint64_t profile_blocks(struct profile_sum sum)
{
    return (sum.block_parts + SAMPLING_BLOCK / 2) / SAMPLING_BLOCK;
}

/* A stack and what was asked for through it. Stacks with the same addresses in other objects are
 * other stacks. All under the profile's lock. */
struct profile_stack {
    struct profile_stack *next; /* of all, the newest first */
    struct profile_stack *next_in_bucket;
    uint64_t hash;
    struct profile_sum live, total, peak;
    size_t depth;
    void *frames[]; /* behind them the numbers of their objects */
};

static inline const object_number *profile_stack_objects(const struct profile_stack *stack)
{
    return (const object_number *)(stack->frames + stack->depth);
}

/* A sampled block that is in use. */
struct profile_record {
    uintptr_t address; /* 0 in an empty place of the table */
    struct profile_stack *stack;
    struct sample_weight weight;
};

/* Maps the memory that is needed at first, all of it or nothing; false when there is none. May be
 * tried again; once it was had, again and again is once. */
bool brkm__profile_begin(void);

/* Notes what is loaded, see brkm__objects_note_all. */
void brkm__profile_note_objects(void);

/* Records a sampled block with the calling thread's stack. False when there is no room for it,
 * which is counted. */
bool brkm__profile_add(const void *memory, struct sample_weight weight);

/* Takes the record of a block out; one with the address 0 when there was none. The block must not
 * be in anybody's reach by then; or put its record back. */
struct profile_record brkm__profile_remove(const void *memory);
/* The same, without the record; false where that would have to wait. */
bool brkm__profile_try_remove(const void *memory);
void brkm__profile_put_back(struct profile_record record);

/* The record of a block in use; the address 0 when it has none. */
struct profile_record brkm__profile_find(const void *memory);

struct profile_totals {
    uint64_t samples;          /* blocks that were ever recorded */
    uint64_t live;             /* of them, those in use */
    uint64_t lost;             /* blocks and stacks for which there was no room */
    uint64_t stacks;           /* different ones */
    uint64_t bytes;            /* of memory of its own */
    uint64_t contended;        /* acquisitions that found the lock taken */
    struct profile_sum in_use; /* estimated */
};

struct profile_totals brkm__profile_totals(void);

/* For those who read the stacks: the lock is held from begin to end. The peak of each stack is then
 * that of the moment when most bytes were in use. brkm__profile_try_read fails where the calling
 * thread may hold the lock itself, in a signal handler. */
struct profile_stack *brkm__profile_read(void);
bool brkm__profile_try_read(struct profile_stack **first);
void brkm__profile_read_end(void);

/* Taken by fork. */
extern struct lock brkm__profile_lock;

/* In the child of a bare fork (process/bare_fork.h), where nobody is left who held the lock. Begins
 * anew, without what was recorded so far; where memory is short nothing is recorded any more. */
void brkm__profile_abandon(void);

#endif
