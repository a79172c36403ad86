/* SPDX-License-Identifier: MIT
 *
 * Models a cache with a byte limit whose values drift upward in size, as with a new version of a
 * program that stores more per key. When a value is put in, the oldest ones leave until it fits; a
 * part of the lookups hit and make a value young again, so that blocks leave in mixed order.
 *   live=134217728        bytes of the cache
 *   least=64 most=4096    mean size at the beginning and at the end
 *   turns=12              how often the whole cache is replaced meanwhile */
#include "scenario.h"

enum { hits_per_put = 1 };

/* A ring of values, the oldest first. A value that is hit leaves an empty place. */
static struct {
    struct block *values;
    size_t capacity, first, count;
} cache;

static struct block *value_at(size_t age)
{
    return &cache.values[(cache.first + age) % cache.capacity];
}

static void push_youngest(struct block value)
{
    *value_at(cache.count++) = value;
}

static void drop_oldest(void)
{
    give(value_at(0));
    cache.first = (cache.first + 1) % cache.capacity;
    cache.count--;
}

static void hit(struct random *random)
{
    struct block *value = value_at(random_below(random, cache.count));
    if (value->memory != NULL && cache.count < cache.capacity) {
        struct block moved = *value;
        value->memory = NULL;
        push_youngest(moved);
    }
}

static void put(size_t size, size_t live, struct random *random)
{
    while (cache.count > 0 && (scenario.live + size > live || cache.count == cache.capacity)) {
        drop_oldest();
    }
    push_youngest(take(size));
    for (size_t i = 0; i < hits_per_put; i++) {
        hit(random);
    }
}

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 128 * MIB);
    size_t least = argument("least", 64);
    size_t most = argument("most", 4096);
    size_t turns = argument("turns", 12);
    arguments_end();
    require(least > 1 && least <= most, "least: from 2 to 'most'");
    struct random random = random_begin(scenario.seed);
    cache.capacity = 4 * (live / least + 1);
    cache.values = blocks_table(cache.capacity);
    measure_start();
    for (size_t put_bytes = 0; put_bytes < turns * live;) {
        double progress = (double)put_bytes / (double)(turns * live);
        size_t mean = least + (size_t)((double)(most - least) * progress);
        size_t size = random_between(&random, mean / 2, mean * 3 / 2);
        put(size, live, &random);
        put_bytes += size;
    }
    while (cache.count > 0) {
        drop_oldest();
    }
    measure_end();
    return 0;
}
