/* SPDX-License-Identifier: MIT
 *
 * Models a thread per task: each does some work with blocks of its own, leaves a few behind in a
 * table that outlives it, and ends. What is left behind is freed by a much later thread, which puts
 * its own in that place.
 *   live=67108864        bytes left behind, about
 *   width=4              threads at a time
 *   turns=4              how often all that is left behind is replaced
 *   blocks=1000          that each thread works with
 *   left=10              percent of these that it leaves behind
 *   least=16 most=4096   bytes of a block; small ones prevail */
#include "scenario.h"

static struct block *left_behind;
static size_t blocks, left_blocks, least, most;

struct task {
    pthread_t thread;
    size_t number;
    struct block *own;    /* room for `blocks` */
    struct block *places; /* its part of what is left behind */
};

static void *run_task(void *argument)
{
    struct task *task = argument;
    struct random random = random_begin(scenario.seed * 1000003 + task->number);
    for (size_t i = 0; i < blocks; i++) {
        task->own[i] = take(random_size(&random, least, most));
    }
    shuffle(task->own, blocks, &random);
    for (size_t i = 0; i < left_blocks; i++) {
        give(&task->places[i]);
        task->places[i] = task->own[i];
    }
    give_all(task->own + left_blocks, blocks - left_blocks);
    return NULL;
}

static size_t mean_size(void)
{
    struct random random = random_begin(0);
    size_t sum = 0;
    for (size_t i = 0; i < 10000; i++) {
        sum += random_size(&random, least, most);
    }
    return sum / 10000;
}

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 64 * MIB);
    size_t width = argument("width", 4);
    size_t turns = argument("turns", 4);
    blocks = argument("blocks", 1000);
    left_blocks = blocks * percent_argument("left", 10) / 100;
    least = argument("least", 16);
    most = argument("most", 4096);
    arguments_end();
    require(least <= most, "least: at most 'most'");
    require(left_blocks > 0, "left: a share of 'blocks' that is at least one block");
    size_t places = live / (mean_size() * left_blocks) + 1; /* one for each thread of a turn */
    require(width <= places, "width: not more than 'live' has room for");
    left_behind = blocks_table(places * left_blocks);
    struct task *tasks = table_of(width, sizeof(*tasks));
    for (size_t i = 0; i < width; i++) {
        tasks[i].own = blocks_table(blocks);
    }
    measure_start();
    for (size_t number = 0; number < places * turns; number += width) {
        for (size_t i = 0; i < width; i++) {
            tasks[i].number = number + i;
            tasks[i].places = &left_behind[(number + i) % places * left_blocks];
            thread_start(&tasks[i].thread, run_task, &tasks[i]);
        }
        for (size_t i = 0; i < width; i++) {
            pthread_join(tasks[i].thread, NULL);
        }
    }
    give_all(left_behind, places * left_blocks);
    measure_end();
    return 0;
}
