/* SPDX-License-Identifier: MIT
 *
 * Models requests that leave something behind (sessions, interned names, cache entries) among the
 * much that they need for a moment: bursts of short-lived blocks, of which some stay. After each
 * burst the others are freed. Each burst has a size of its own that prevails, and what stays is
 * small.
 *   live=67108864   bytes that stay, in the end, and a burst
 *   burst=8388608   bytes of a burst
 *   every=8         one block among so many stays */
#include "scenario.h"

enum { least = 32, most_staying = 512, most_passing = 8192 };

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 64 * MIB);
    size_t burst = argument("burst", 8 * MIB);
    size_t every = argument("every", 8);
    arguments_end();
    require(burst < live, "burst: less than 'live'");
    struct random random = random_begin(scenario.seed);
    struct block *staying = blocks_table(live / least + 1);
    struct block *passing = blocks_table(burst / least + 1);
    size_t stayed = 0;
    measure_start();
    while (scenario.live + burst < live) {
        size_t end = scenario.live + burst, passed = 0;
        size_t mean = random_skewed(&random, 2 * least, most_passing / 2);
        while (scenario.live < end) {
            if (random_below(&random, every) == 0) {
                staying[stayed++] = take(random_size(&random, least, most_staying));
            } else {
                passing[passed++] = take(random_between(&random, mean / 2, mean * 2));
            }
        }
        shuffle(passing, passed, &random);
        give_all(passing, passed);
    }
    give_all(staying, stayed);
    measure_end();
    return 0;
}
