/* SPDX-License-Identifier: MIT
 * Layer 10: see quarantine.h. */
#include "quarantine.h"

#include <stdatomic.h>
#include <string.h>

#include "options.h"
#include "random.h"
#include "regions.h"

#define SHARD_COUNT 16u

/* Blocks. With both in use, a block that was freed comes back after 64 others at the earliest, and
 * after about 320; an attacker who frees n blocks cannot tell which of 256 comes next. */
#define POOL_SIZE 256u
#define QUEUE_SIZE 64u

struct quarantined {
    void *payload; /* NULL in an empty place */
    size_t bytes;
};

/* Everything under the shard's lock. */
struct shard {
    struct lock lock;
    uint64_t random; /* 0 before the first use */
    unsigned oldest; /* place in the queue */
    unsigned queued;
    struct quarantined pool[POOL_SIZE];
    struct quarantined queue[QUEUE_SIZE];
};

static struct {
    /* Of all shards. A bound for what may be kept, read and written relaxed. */
    _Atomic(size_t) bytes;
    struct shard shards[SHARD_COUNT];
} quarantine;

static void add_bytes(size_t bytes)
{
    atomic_fetch_add_explicit(&quarantine.bytes, bytes, memory_order_relaxed);
}

size_t brkm__quarantine_bytes(void)
{
    return atomic_load_explicit(&quarantine.bytes, memory_order_relaxed);
}

static bool is_over_bound(void)
{
    return brkm__quarantine_bytes() > brkm__option_get(OPTION_quarantine);
}

static void *leave(struct quarantined *place)
{
    void *payload = place->payload;
    add_bytes(-place->bytes);
    *place = (struct quarantined){NULL, 0};
    return payload;
}

static void *take_oldest(struct shard *shard)
{
    struct quarantined *place = &shard->queue[shard->oldest];
    shard->oldest = (shard->oldest + 1) % QUEUE_SIZE;
    shard->queued--;
    return leave(place);
}

/* Any block of the pool but the one at `kept`. */
static void *take_from_pool(struct shard *shard, const struct quarantined *kept)
{
    unsigned first = (unsigned)(random_next(&shard->random) % POOL_SIZE);
    for (unsigned i = 0; i < POOL_SIZE; i++) {
        struct quarantined *place = &shard->pool[(first + i) % POOL_SIZE];
        if (place->payload != NULL && place != kept) {
            return leave(place);
        }
    }
    return NULL;
}

static void *take_one(struct shard *shard, const struct quarantined *kept)
{
    return shard->queued > 0 ? take_oldest(shard) : take_from_pool(shard, kept);
}

unsigned brkm__quarantine_put(uint64_t number, void *payload, size_t bytes,
                              void *leaving[QUARANTINE_LEAVING_MAX])
{
    struct shard *shard = &quarantine.shards[number % SHARD_COUNT];
    unsigned count = 0;
    lock_acquire(&shard->lock);
    struct quarantined *place = &shard->pool[random_next(&shard->random) % POOL_SIZE];
    struct quarantined moved = *place;
    *place = (struct quarantined){payload, bytes};
    add_bytes(bytes);
    if (moved.payload != NULL) {
        if (shard->queued == QUEUE_SIZE) {
            leaving[count++] = take_oldest(shard);
        }
        shard->queue[(shard->oldest + shard->queued++) % QUEUE_SIZE] = moved;
    }
    while (count < QUARANTINE_LEAVING_MAX && is_over_bound()) {
        void *one = take_one(shard, place);
        if (one == NULL) {
            break;
        }
        leaving[count++] = one;
    }
    lock_release(&shard->lock);
    return count;
}

void *brkm__quarantine_take(void)
{
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        struct shard *shard = &quarantine.shards[i];
        lock_acquire(&shard->lock);
        void *payload = take_one(shard, NULL);
        lock_release(&shard->lock);
        if (payload != NULL) {
            return payload;
        }
    }
    return NULL;
}

static const struct quarantined *place_at(const struct shard *shard, unsigned i)
{
    return i < POOL_SIZE ? &shard->pool[i] : &shard->queue[i - POOL_SIZE];
}

void brkm__quarantine_visit(void (*visit)(void *payload))
{
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        struct shard *shard = &quarantine.shards[i];
        lock_acquire(&shard->lock);
        for (unsigned j = 0; j < POOL_SIZE + QUEUE_SIZE; j++) {
            void *payload = place_at(shard, j)->payload;
            if (payload != NULL) {
                visit(payload);
            }
        }
        lock_release(&shard->lock);
    }
}

struct quarantine_totals brkm__quarantine_totals(void)
{
    struct quarantine_totals totals = {0};
    if (brkm__quarantine_bytes() == 0) {
        return totals;
    }
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        struct shard *shard = &quarantine.shards[i];
        lock_acquire(&shard->lock);
        for (unsigned j = 0; j < POOL_SIZE + QUEUE_SIZE; j++) {
            const struct quarantined *place = place_at(shard, j);
            if (brkm__regions_contain_payload(place->payload)) {
                totals.blocks++;
                totals.bytes += place->bytes;
            }
        }
        lock_release(&shard->lock);
    }
    return totals;
}

struct lock *brkm__quarantine_lock(unsigned shard)
{
    return shard < SHARD_COUNT ? &quarantine.shards[shard].lock : NULL;
}

void brkm__quarantine_abandon(unsigned shard)
{
    struct shard *abandoned = &quarantine.shards[shard];
    for (unsigned i = 0; i < POOL_SIZE + QUEUE_SIZE; i++) {
        add_bytes(-place_at(abandoned, i)->bytes);
    }
    memset(abandoned->pool, 0, sizeof(abandoned->pool));
    memset(abandoned->queue, 0, sizeof(abandoned->queue));
    abandoned->oldest = abandoned->queued = 0;
}
