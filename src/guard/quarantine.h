/* SPDX-License-Identifier: MIT
 * Freed blocks that are kept from being used again for a while (option quarantine), so
 * that a pointer into one of them finds no other object there.
 *
 *   freed -> pool, in place of a random block -> end of the queue -> stock of its size -> malloc
 *                                                                      |        ^
 *                                                                      v        |
 *                                                            store of batches -> heap
 *
 * A freed block takes the place of a random one in the pool, which goes to the end of the queue.
 * What leaves the queue waits in the stock for malloc, which takes any block there. The store, one
 * for all threads, has what stocks have too much of, as far as the bound allows. Blocks of the heap
 * in here are in state cached and belong to the quarantine; mapped ones are retired.
 *
 * Each thread has a quarantine of its own and takes no lock for it. Of a thread that ended it stays
 * as it is until a new thread goes on with it. None of this lies where a write past a block's end
 * gets. */
#ifndef BRKMALLOC_GUARD_QUARANTINE_H
#define BRKMALLOC_GUARD_QUARANTINE_H

#include "base/base.h"
#include "base/clear.h"
#include "base/config.h"
#include "base/valgrind.h"
#include "heap/block.h"
#include "kit/lock.h"
#include "kit/random.h"

/* Blocks. With both in use, a block that was freed comes back after 64 others at the earliest, and
 * after about 320; an attacker who frees n blocks cannot tell which of 256 comes next. */
#define QUARANTINE_POOL 256u
#define QUARANTINE_QUEUE 64u

/* Bytes. Larger blocks have no stock. */
#define STOCK_BLOCK_MAX ((size_t)1024)

/* Blocks of a size that a thread's stock holds, and how many move at a time between it and the
 * store: fewer of those that are more memory. With blocks of every size a stock holds 0.6 MiB. */
#define STOCK_SMALL_BLOCK_MAX ((size_t)256)
#define STOCK_SMALL_MOST 31u
#define STOCK_SMALL_BATCH 15u
#define STOCK_MOST 15u
#define STOCK_BATCH 7u

/* Bytes up to which a quarantine may have more granted than it holds, see settle. */
#define QUARANTINE_UNIT (16 * BRKM_KIB)
#define QUARANTINE_SLACK (2 * QUARANTINE_UNIT)

struct quarantined {
    void *payload; /* NULL in an empty place */
    uint32_t bytes;
    bool is_mapped; /* a retired mapping, not a block of the heap */
};

/* Blocks of one size, in no order, and one that was chosen among them to be the next: its memory is
 * on the way into the processor's cache while the program still works with the last. */
struct stock {
    void *next; /* NULL when there was too little to choose from */
    unsigned count;
    void *blocks[STOCK_SMALL_MOST];
};

/* Written by the thread that owns it, or under the lock while nobody does; the statistics read
 * without any order. */
struct quarantine {
    struct random_choice random;
    size_t bytes;    /* of pool and queue */
    size_t granted;  /* bytes, of those that all quarantines may hold together */
    unsigned newest; /* place in the pool of the block that came last */
    unsigned oldest; /* place in the queue */
    unsigned queued; /* places of the queue that are not empty */
    bool is_owned;   /* under the lock */
    struct quarantined pool[QUARANTINE_POOL];
    struct quarantined queue[QUARANTINE_QUEUE];
    struct stock stock[STOCK_BLOCK_MAX / BRKM_ALIGNMENT + 1];
    /* List of all, under the lock. */
    struct quarantine *next;
};

/* ---- Of a thread ---- */

/* A quarantine for the calling thread, that of a thread which ended where there is one; `*place`
 * leads to it, or is NULL when memory is short. It does so as long as the thread owns it, seen by
 * who holds the lock: a fork finds no quarantine that two threads have. */
void brkm__quarantine_begin(void **place);

/* The thread ends: its stock goes to the heap, the rest stays until somebody needs the room that it
 * takes of the bound, and `*place` is NULL. Where it was NULL nothing happens. */
void brkm__quarantine_hand_over(void **place);

/* In the child of a fork: the thread that owned it does not exist here. What it held is lost to the
 * child, as the quarantine may be in the middle of a change. NULL does nothing. */
void brkm__quarantine_forget(void *other);

/* ---- Pool and queue ---- */

/* Adds a block and returns the one that leaves, or an empty place. quarantine_is_settled is to be
 * asked afterwards. */
static BRKM_ALWAYS_INLINE struct quarantined quarantine_exchange(struct quarantine *own,
                                                                 struct quarantined one)
{
    unsigned place = random_choice_next(&own->random) / (UINT32_MAX / QUARANTINE_POOL + 1);
    struct quarantined moved = own->pool[place];
    own->pool[place] = one;
    own->newest = place;
    own->bytes += one.bytes;
    if (moved.payload == NULL) {
        return moved;
    }
    struct quarantined *end = &own->queue[own->oldest];
    struct quarantined leaving = *end;
    *end = moved;
    own->oldest = (own->oldest + 1) % QUARANTINE_QUEUE;
    own->queued += leaving.payload == NULL;
    own->bytes -= leaving.bytes;
    return leaving;
}

/* False when the quarantine holds more than was granted to it, or so much less that others could do
 * with it. */
static inline bool quarantine_is_settled(const struct quarantine *own)
{
    return own->granted - own->bytes <= QUARANTINE_SLACK;
}

/* Adapts what is granted. Returns how many blocks had to leave because of the bound, and these; at
 * most QUARANTINE_LEAVING_MAX. Those of threads that ended leave first, and the block that came
 * last does not. */
#define QUARANTINE_LEAVING_MAX 8
unsigned brkm__quarantine_settle(struct quarantine *own,
                                 struct quarantined leaving[QUARANTINE_LEAVING_MAX]);

/* For threads that have no quarantine: both in one, for one they share. */
unsigned brkm__quarantine_put_shared(struct quarantined one,
                                     struct quarantined leaving[QUARANTINE_LEAVING_MAX + 1]);

/* Takes any block out of `own`, which may be NULL, or out of those that nobody owns; an empty place
 * when there is none. */
struct quarantined brkm__quarantine_take(struct quarantine *own);

/* ---- Stock and store ---- */

static inline struct stock *quarantine_stock(struct quarantine *own, size_t block_size)
{
    return &own->stock[block_size / BRKM_ALIGNMENT];
}

static inline unsigned stock_most(size_t block_size)
{
    return block_size <= STOCK_SMALL_BLOCK_MAX ? STOCK_SMALL_MOST : STOCK_MOST;
}

/* Takes a batch out of a stock that is full: to the store, or to the heap when that is full. */
void brkm__quarantine_relieve_stock(struct stock *stock, size_t block_size);

/* Adds a batch of the store to a stock that has room for it; false when there is none. */
bool brkm__quarantine_fill_stock(struct stock *stock, size_t block_size);

/* Gives the blocks of the store to the heap. True when there were any. */
bool brkm__quarantine_drain_store(void);

/* False when such a block has no stock. */
static BRKM_ALWAYS_INLINE bool quarantine_stock_put(struct quarantine *own, struct quarantined one)
{
    if (unlikely(one.bytes > STOCK_BLOCK_MAX || one.is_mapped)) {
        return false;
    }
    struct stock *stock = quarantine_stock(own, one.bytes);
    if (unlikely(stock->count >= stock_most(one.bytes))) {
        brkm__quarantine_relieve_stock(stock, one.bytes);
    }
    stock->blocks[stock->count++] = one.payload;
    return true;
}

/* Makes the block at `place` of those in the stock the next. */
static BRKM_ALWAYS_INLINE void stock_choose(struct stock *stock, unsigned place)
{
    stock->next = stock->blocks[place];
    stock->blocks[place] = stock->blocks[--stock->count];
    __builtin_prefetch((char *)stock->next - BRKM_HEADER_SIZE);
    __builtin_prefetch((char *)stock->next - BRKM_HEADER_SIZE + BRKM_CACHE_LINE);
}

/* ---- All ---- */

/* True for a block of `size` bytes in here that is clear, as far as `is_cleared` says that it was
 * made so; where it is not, brkm__quarantine_verify says what is wrong. */
static BRKM_ALWAYS_INLINE bool quarantine_is_sound(const void *payload, size_t size,
                                                   bool is_cleared)
{
    if (unlikely(!block_is_of(block_from_payload(payload), size, BLOCK_CACHED))) {
        return false;
    }
    annotate_readable(payload, size - BRKM_HEADER_SIZE);
    bool is_sound = !is_cleared || is_clear(payload, size - BRKM_HEADER_SIZE);
    annotate_forgotten(payload, size - BRKM_HEADER_SIZE);
    return is_sound;
}

/* Ends the program when a block of the heap in here, or its first `most` bytes, changed. */
void brkm__quarantine_verify(void *payload, size_t most);

/* The same for all blocks, those that other threads own too. Only while there is one thread. */
void brkm__quarantine_verify_all(void);

/* Bytes of the blocks in pools and queues. */
size_t brkm__quarantine_bytes(void);

struct quarantine_totals {
    size_t blocks;
    size_t bytes;
    size_t own_bytes; /* from the system for the quarantines themselves */
    uint64_t contended;
};

/* Of the blocks of the heap in here. Other threads' numbers may be a moment old. */
struct quarantine_totals brkm__quarantine_totals(void);

/* For fork. */
struct lock *brkm__quarantine_lock(void);

/* In the child of a bare fork (process/bare_fork.h), where nobody is left who held the lock: what
 * the store and threads without a cache have is lost. */
void brkm__quarantine_abandon(void);

#endif
