/* SPDX-License-Identifier: MIT */
#include "busy.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"

enum { slots = 96, most_threads = 16 };

struct block {
    unsigned char *bytes;
    size_t size;
};

static pthread_t workers[most_threads];
static int worker_count;
static atomic_int stop;

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Small sizes mostly, sometimes a page or more, rarely a block of its own mapping. */
static size_t next_size(unsigned *state)
{
    unsigned kind = next_random(state) % 200;
    if (kind < 150)
        return next_random(state) % 512;
    if (kind < 199)
        return next_random(state) % 20000;
    return next_random(state) % 400000;
}

static void mark(struct block *block, size_t size, unsigned char tag)
{
    CHECK_NOT_NULL(block->bytes);
    block->size = size;
    if (size > 0)
        block->bytes[0] = block->bytes[size / 2] = block->bytes[size - 1] = tag;
}

static void check(const struct block *block, unsigned char tag)
{
    size_t size = block->size;
    if (size == 0)
        return;
    CHECK_EQ_UINT(block->bytes[0], tag);
    CHECK_EQ_UINT(block->bytes[size / 2], tag);
    CHECK_EQ_UINT(block->bytes[size - 1], tag);
}

static void replace(struct block *block, unsigned *state, unsigned char tag)
{
    size_t size = next_size(state);
    unsigned how = next_random(state) % 8;
    check(block, tag);
    if (how == 0 && size > 0) {
        unsigned char first = block->size > 0 ? tag : 0;
        block->bytes = realloc(block->bytes, size);
        CHECK_TRUE(first == 0 || block->bytes[0] == tag);
    } else {
        free(block->bytes);
        if (how == 1) {
            block->bytes = calloc(1, size + 1);
            CHECK_TRUE(block->bytes != NULL && block->bytes[size] == 0 && block->bytes[0] == 0);
        } else if (how == 2) {
            block->bytes = memalign(64, size);
        } else {
            block->bytes = malloc(size);
        }
    }
    mark(block, size, tag);
}

void churn(unsigned seed, int steps)
{
    struct block *blocks = calloc(slots, sizeof *blocks);
    unsigned state = seed;
    CHECK_NOT_NULL(blocks);
    for (int step = 0; step < steps; step++) {
        unsigned slot = next_random(&state) % slots;
        replace(&blocks[slot], &state, (unsigned char)(seed + slot));
    }
    for (unsigned slot = 0; slot < slots; slot++) {
        check(&blocks[slot], (unsigned char)(seed + slot));
        free(blocks[slot].bytes);
    }
    free(blocks);
}

static void *work(void *seed)
{
    unsigned state = (unsigned)(uintptr_t)seed;
    while (!atomic_load(&stop))
        churn(state++, 200);
    return NULL;
}

void busy_start(int threads)
{
    CHECK_TRUE(threads <= most_threads);
    atomic_store(&stop, 0);
    worker_count = threads;
    for (int i = 0; i < threads; i++)
        CHECK_EQ_INT(pthread_create(&workers[i], NULL, work, (void *)(uintptr_t)(1000 * i + 1)), 0);
}

void busy_stop(void)
{
    atomic_store(&stop, 1);
    for (int i = 0; i < worker_count; i++)
        CHECK_EQ_INT(pthread_join(workers[i], NULL), 0);
    worker_count = 0;
}

size_t resident_bytes(void)
{
    char text[128] = "";
    char *second;
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    CHECK_GE_INT(file, 0);
    CHECK_GE_INT(read(file, text, sizeof text - 1), 4);
    close(file);
    second = strchr(text, ' ');
    CHECK_NOT_NULL(second);
    return strtoul(second, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}
