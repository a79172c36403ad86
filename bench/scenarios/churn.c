/* SPDX-License-Identifier: MIT
 *
 * Models a long-running program in a steady state: random blocks are replaced by others of random
 * size, over and over, while about as much stays live.
 *   live=67108864         bytes
 *   turns=20              how often all is replaced
 *   least=16 most=1048576   bytes of a block; each doubling has the same share of the bytes */
#include "scenario.h"

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 64 * MIB);
    size_t turns = argument("turns", 20);
    size_t least = argument("least", 16);
    size_t most = argument("most", MIB);
    arguments_end();
    require(least <= most && 2 * most <= live, "most: from 'least' to half of 'live'");
    struct random random = random_begin(scenario.seed);
    size_t capacity = live / least + 1, count = 0;
    struct block *blocks = blocks_table(capacity);
    measure_start();
    for (size_t replaced = 0; replaced < turns * live;) {
        size_t size = random_size(&random, least, most);
        while (scenario.live + size > live) {
            size_t victim = random_below(&random, count);
            give(&blocks[victim]);
            blocks[victim] = blocks[--count];
        }
        blocks[count++] = take(size);
        replaced += size;
    }
    give_all(blocks, count);
    measure_end();
    return 0;
}
