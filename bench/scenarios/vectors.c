/* SPDX-License-Identifier: MIT
 *
 * Models growing arrays and strings: many vectors grow side by side, each by half of its size with
 * realloc and up to a limit of its own. When `live` bytes are reached, random vectors are freed.
 *   live=67108864   bytes
 *   turns=4         how often as much as that is grown
 *   limit=1048576   bytes of a vector; the limits lie between 64 and this, skewed to small */
#include "scenario.h"

enum { first_size = 64 };

static struct vector {
    struct block block;
    size_t limit;
} * vectors;
static size_t count;

static void drop(size_t index)
{
    give(&vectors[index].block);
    vectors[index] = vectors[--count];
}

static void begin(size_t limit, struct random *random)
{
    vectors[count++] = (struct vector){take(first_size), random_skewed(random, first_size, limit)};
}

static void grow(struct block *block)
{
    size_t old = block->size, size = old + old / 2;
    check(block->memory, old);
    char *memory = checked(realloc(block->memory, size));
    check(memory, old > size ? size : old);
    touch(memory + old, size - old);
    memory[0] = memory[size - 1] = (char)size;
    *block = (struct block){memory, size};
    account_more(size - old);
}

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 64 * MIB);
    size_t turns = argument("turns", 4);
    size_t limit = argument("limit", MIB);
    arguments_end();
    struct random random = random_begin(scenario.seed);
    vectors = table_of(live / first_size + 1, sizeof(*vectors));
    measure_start();
    for (size_t grown = 0; grown < turns * live;) {
        size_t index = random_below(&random, count + 1);
        if (index == count || vectors[index].block.size >= vectors[index].limit) {
            begin(limit, &random);
            grown += first_size;
            index = count - 1;
        }
        size_t old = vectors[index].block.size;
        while (scenario.live + old / 2 > live - limit / 2) {
            drop(random_below(&random, count));
            index = count;
        }
        if (index < count) {
            grow(&vectors[index].block);
            grown += old / 2;
        }
    }
    while (count > 0) {
        drop(count - 1);
    }
    measure_end();
    return 0;
}
