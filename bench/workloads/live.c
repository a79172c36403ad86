/* SPDX-License-Identifier: MIT
 *
 * For the scaling report: does malloc cost more when much is live? Fills the heap to `live` bytes
 * of blocks, then replaces random ones: among 4096 of them (near), where only the allocator's own
 * structures can make the difference, or among all (far), where every operation also misses the
 * processor's caches.
 * Operation: one free and one malloc; the time is that of the operations, filling not included.
 *   live=67108864         bytes
 *   far=                  1: among all blocks
 *   least=16 most=65536   bytes of a block; each doubling is equally likely */
#include "bench.h"

static size_t live, least, most;
static struct block *blocks;
static size_t count, places;

/* Shuffles while it fills, so that neighbours in the table are not neighbours in memory. */
static void fill(void)
{
    struct random random = random_begin(1000);
    size_t capacity = live / least + 1;
    blocks = checked(malloc(capacity * sizeof(*blocks)));
    for (size_t bytes = 0; bytes < live;) {
        struct block *other = &blocks[random_below(&random, count + 1)];
        blocks[count] = *other;
        size_t size = random_skewed(&random, least, most);
        *other = (struct block){allocate(size), size};
        bytes += size;
        count++;
    }
}

static void work(struct worker *worker)
{
    for (size_t i = 0; i < worker->operations; i++) {
        size_t slot = random_below(&worker->random, places);
        replace(&blocks[slot], random_skewed(&worker->random, least, most));
        worker->done++;
    }
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 1000000);
    live = argument("live", 64 * MIB);
    bool far = text_argument("far") != NULL;
    least = argument("least", 16);
    most = argument("most", 64 * KIB);
    arguments_end();
    fill();
    places = far || count < 4096 ? count : 4096;
    run_workers(1, operations, work, NULL);
    return 0;
}
