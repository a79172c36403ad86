/* SPDX-License-Identifier: MIT
 *
 * Models growing arrays and strings: many vectors grow side by side, each by half of its size with
 * realloc and up to a limit of its own. A vector at its limit stays; another begins. When `live`
 * bytes are reached, random vectors are freed.
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

/* Both return by how many bytes they grow. */
static size_t begin(size_t limit, struct random *random)
{
    vectors[count++] = (struct vector){take(first_size), random_skewed(random, first_size, limit)};
    return first_size;
}

static size_t grow(struct block *block)
{
    size_t old = block->size, more = old / 2;
    check(block->memory, old);
    char *memory = checked(realloc(block->memory, old + more));
    check(memory, old);
    touch(memory + old, more);
    memory[0] = memory[old + more - 1] = (char)(old + more);
    *block = (struct block){memory, old + more};
    account_more(more);
    return more;
}

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 64 * MIB);
    size_t turns = argument("turns", 4);
    size_t limit = argument("limit", MIB);
    arguments_end();
    require(limit >= first_size, "limit: at least 64");
    struct random random = random_begin(scenario.seed);
    vectors = table_of(live / first_size + 2, sizeof(*vectors));
    measure_start();
    for (size_t grown = 0; grown < turns * live;) {
        size_t index = random_below(&random, count + 1);
        bool ended = index == count || vectors[index].block.size >= vectors[index].limit;
        grown += ended ? begin(limit, &random) : grow(&vectors[index].block);
        while (scenario.live > live) {
            drop(random_below(&random, count));
        }
    }
    while (count > 0) {
        drop(count - 1);
    }
    measure_end();
    return 0;
}
