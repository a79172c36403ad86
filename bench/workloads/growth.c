/* SPDX-License-Identifier: MIT
 *
 * Models many buffers that grow side by side, as those of connections or of an editor do: a random
 * one grows by up to an eighth (at least 16 bytes) with realloc and starts again, small, once it
 * has reached its limit.
 * Operation: one realloc.
 *   buffers=1000
 *   limit=262144   bytes; the limits of the buffers lie between 64 and this, skewed to small */
#include "bench.h"

static size_t buffers, limit;

struct buffer {
    struct block block;
    size_t limit;
};

static void grow(struct buffer *buffer, struct random *random)
{
    size_t old = buffer->block.size;
    size_t size = old + random_between(random, 16, old / 8 + 16);
    char *memory = checked(realloc(buffer->block.memory, size));
    if (old > 0 && (memory[0] != (char)old || memory[old - 1] != (char)old)) {
        fail("realloc has changed a block's contents");
    }
    touch(memory + old, size - old);
    memory[0] = memory[size - 1] = (char)size;
    buffer->block = (struct block){memory, size};
}

static void work(struct worker *worker)
{
    struct random *random = &worker->random;
    struct buffer *list = checked(calloc(buffers, sizeof(*list)));
    for (size_t i = 0; i < worker->operations; i++) {
        struct buffer *buffer = &list[random_below(random, buffers)];
        if (buffer->block.size >= buffer->limit) {
            release(&buffer->block);
            buffer->block.size = 0;
            buffer->limit = random_skewed(random, 64, limit);
        }
        grow(buffer, random);
        worker->done++;
    }
    for (size_t i = 0; i < buffers; i++) {
        release(&list[i].block);
    }
    free(list);
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 1000000);
    size_t threads = argument("threads", 1);
    buffers = argument("buffers", 1000);
    limit = argument("limit", 256 * KIB);
    arguments_end();
    run_workers(threads, operations, work, NULL);
    return 0;
}
