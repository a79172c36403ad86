/* SPDX-License-Identifier: MIT
 *
 * Models a program whose work changes: a compiler's passes, a server after a deployment. In each
 * phase other sizes prevail; blocks of the phase before leave in random order as the new ones come,
 * but for some that survive to the end, wherever they happen to lie.
 *   live=100663296   bytes, reached in the first phase and kept
 *   phases=8
 *   survivors=20     percent of a phase's blocks */
#include "scenario.h"

/* Bytes, the mean size of each phase in turn: up and down, so that a hole is too small as often as
 * it is too large. */
static const size_t means[] = {64, 512, 128, 2048, 96, 1024, 256, 4096};

struct list {
    struct block *blocks;
    size_t count;
};

/* Fills up to `live` with blocks of a phase, for which those of the phase before leave. */
static void run_phase(struct list *before, struct list *now, size_t mean, size_t live,
                      struct random *random)
{
    size_t left = 0;
    for (;;) {
        size_t size = random_between(random, mean / 2, mean * 3 / 2);
        while (scenario.live + size > live && left < before->count) {
            give(&before->blocks[left++]);
        }
        if (scenario.live + size > live) {
            break;
        }
        now->blocks[now->count++] = take(size);
    }
    before->count = 0;
}

static void keep_survivors(struct list *phase, struct list *survivors, size_t percent)
{
    size_t kept = phase->count * percent / 100;
    phase->count -= kept;
    memcpy(survivors->blocks + survivors->count, phase->blocks + phase->count,
           kept * sizeof(struct block));
    survivors->count += kept;
}

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 96 * MIB);
    size_t phases = argument("phases", 8);
    size_t percent = percent_argument("survivors", 20);
    arguments_end();
    struct random random = random_begin(scenario.seed);
    size_t most_blocks = live / (means[0] / 2) + 1;
    struct list lists[2] = {{blocks_table(most_blocks), 0}, {blocks_table(most_blocks), 0}};
    struct list survivors = {blocks_table(most_blocks), 0};
    measure_start();
    for (size_t phase = 0; phase < phases; phase++) {
        struct list *before = &lists[phase % 2], *now = &lists[(phase + 1) % 2];
        shuffle(before->blocks, before->count, &random);
        keep_survivors(before, &survivors, percent);
        run_phase(before, now, means[phase % (sizeof(means) / sizeof(means[0]))], live, &random);
    }
    give_all(lists[phases % 2].blocks, lists[phases % 2].count);
    give_all(survivors.blocks, survivors.count);
    measure_end();
    return 0;
}
