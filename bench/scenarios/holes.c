/* SPDX-License-Identifier: MIT
 *
 * Models buffers, images or columns of a table of which half go: fills the heap with large blocks,
 * frees every second one and waits. What is resident then is the point "rest".
 *   live=536870912             bytes
 *   least=65536 most=4194304   bytes of a block; each doubling is equally likely */
#include "scenario.h"

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 512 * MIB);
    size_t least = argument("least", 64 * KIB);
    size_t most = argument("most", 4 * MIB);
    arguments_end();
    require(least <= most, "least: at most 'most'");
    struct random random = random_begin(scenario.seed);
    struct block *blocks = blocks_table(live / least + 1);
    size_t count = 0;
    measure_start();
    for (size_t size; scenario.live + (size = random_skewed(&random, least, most)) <= live;) {
        blocks[count++] = take(size);
    }
    for (size_t i = 0; i < count; i += 2) {
        give(&blocks[i]);
    }
    measure_quiet("rest");
    give_all(blocks, count);
    measure_end();
    return 0;
}
