/* SPDX-License-Identifier: MIT
 *
 * Models a power of two plus a little, as with a header before a buffer or a terminator behind a
 * string: fills the heap with such sizes, which an allocator with coarse size classes rounds up
 * far. live=67108864         bytes least=32 most=1024   the powers of two; each is equally likely
 *   over=16               bytes above it at most, at least 1 */
#include "scenario.h"

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 64 * MIB);
    size_t least = argument("least", 32);
    size_t most = argument("most", KIB);
    size_t over = argument("over", 16);
    arguments_end();
    require(least <= most, "least: at most 'most'");
    struct random random = random_begin(scenario.seed);
    struct block *blocks = blocks_table(live / least + 1);
    size_t count = 0, doublings = 0;
    while (least << (doublings + 1) <= most) {
        doublings++;
    }
    measure_start();
    while (scenario.live + most + over <= live) {
        size_t power = least << random_below(&random, doublings + 1);
        blocks[count++] = take(power + random_between(&random, 1, over));
    }
    give_all(blocks, count);
    measure_end();
    return 0;
}
