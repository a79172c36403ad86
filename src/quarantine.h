/* SPDX-License-Identifier: MIT
 * Layer 10: freed blocks that are kept from being used again for a while (option quarantine), so
 * that a pointer into one of them finds no other object there.
 *
 * A freed block takes the place of a random one in the pool, which goes to the end of the queue;
 * what leaves the queue is free. Blocks of the heap in here are in state cached and belong to the
 * quarantine; mapped ones are retired. */
#ifndef BRKMALLOC_QUARANTINE_H
#define BRKMALLOC_QUARANTINE_H

#include "base.h"
#include "lock.h"

/* Adds a block of `bytes` bytes. `number` chooses the shard: threads with different ones do not
 * wait for each other. Returns how many blocks had to leave for it, and these; at most
 * QUARANTINE_LEAVING_MAX. */
#define QUARANTINE_LEAVING_MAX 8
unsigned brkm__quarantine_put(uint64_t number, void *payload, size_t bytes,
                              void *leaving[QUARANTINE_LEAVING_MAX]);

/* Takes out any block; NULL when there is none. */
void *brkm__quarantine_take(void);

/* Calls `visit` for each block, under its shard's lock. */
void brkm__quarantine_visit(void (*visit)(void *payload));

/* Bytes of the blocks in here. */
size_t brkm__quarantine_bytes(void);

struct quarantine_totals {
    size_t blocks;
    size_t bytes;
};

/* Of the blocks of the heap in here. */
struct quarantine_totals brkm__quarantine_totals(void);

/* The lock of a shard, for fork; NULL past the last. */
struct lock *brkm__quarantine_lock(unsigned shard);

/* For the child of a fork that ran no handlers: whoever held the shard's lock does not exist. What
 * is in the shard stays there for good. */
void brkm__quarantine_abandon(unsigned shard);

#endif
