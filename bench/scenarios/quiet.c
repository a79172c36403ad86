/* SPDX-License-Identifier: MIT
 *
 * Models a program after its peak, such as a server at night: fills the heap with small blocks,
 * frees all but a random 1 % in random order and then makes no call for a while. What is still
 * resident then is the point "rest". In the end it frees the others and rests once more.
 *   live=268435456       bytes
 *   least=64 most=960    bytes of a block
 *   freed=99             percent */
#include "scenario.h"

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 256 * MIB);
    size_t least = argument("least", 64);
    size_t most = argument("most", 960);
    size_t freed = percent_argument("freed", 99);
    arguments_end();
    require(least <= most, "least: at most 'most'");
    struct random random = random_begin(scenario.seed);
    struct block *blocks = blocks_table(live / least + 1);
    size_t count = 0;
    measure_start();
    while (scenario.live + most <= live) {
        blocks[count++] = take(random_between(&random, least, most));
    }
    shuffle(blocks, count, &random);
    count = give_some(blocks, count, freed, &random);
    measure_quiet("rest");
    give_all(blocks, count);
    measure_end();
    return 0;
}
