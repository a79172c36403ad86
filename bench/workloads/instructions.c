/* SPDX-License-Identifier: MIT
 *
 * The loops whose instructions are counted: the difference between two runs of different length is
 * the price of the further operations, the loop and the calls through the PLT included. Nothing is
 * written into the blocks, so that as little as possible is counted beside the allocator.
 * Operation: one malloc and one free.
 *   mode=pair      a block of 64 bytes, freed at once
 *   mode=updown    100 blocks of 64 bytes, then their frees in the same order
 *   mode=small     a random one of 4096 blocks is replaced by one of 16..515 bytes
 *   mode=medium    a random one of 256 blocks is replaced by one of 1 to 61 KB */
#include "bench.h"

/* Keeps the compiler from reasoning about the block. */
static inline void *opaque(void *memory)
{
    __asm__ volatile("" : "+r"(memory) : : "memory");
    return memory;
}

static void run_pair(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        free(opaque(malloc(64)));
    }
}

static void run_updown(size_t operations)
{
    enum { height = 100 };
    void *blocks[height];
    for (size_t i = 0; i < operations / height; i++) {
        for (size_t j = 0; j < height; j++) {
            blocks[j] = malloc(64);
        }
        opaque(blocks);
        for (size_t j = 0; j < height; j++) {
            free(blocks[j]);
        }
    }
}

static void run_small(size_t operations)
{
    static void *blocks[4096];
    struct random random = {88172645463325252};
    for (size_t i = 0; i < operations; i++) {
        uint64_t number = random_next(&random);
        size_t slot = number & 4095;
        free(blocks[slot]);
        blocks[slot] = malloc(16 + (number >> 12) % 500);
    }
}

static void run_medium(size_t operations)
{
    static void *blocks[256];
    struct random random = {88172645463325252};
    for (size_t i = 0; i < operations; i++) {
        uint64_t number = random_next(&random);
        size_t slot = number & 255;
        free(blocks[slot]);
        blocks[slot] = malloc(1024 + (number >> 12) % (60 * KIB));
    }
}

static const struct {
    const char *name;
    void (*run)(size_t operations);
} modes[] = {
    {"pair", run_pair}, {"updown", run_updown}, {"small", run_small}, {"medium", run_medium}};

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 100000);
    const char *mode = text_argument("mode");
    arguments_end();
    for (size_t i = 0; mode != NULL && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(mode, modes[i].name) == 0) {
            modes[i].run(operations);
            printf("operations %zu\n", operations);
            return 0;
        }
    }
    fprintf(stderr, "mode: pair, updown, small or medium\n");
    return 2;
}
