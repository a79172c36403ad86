/* SPDX-License-Identifier: MIT */
#include "api.h"

static void null_is_malloc(void)
{
    size_t sizes[API_ROOM];
    size_t count = api_sizes(sizes, MIB);
    for (size_t i = 0; i < count; i++) {
        void *block = realloc(NULL, sizes[i]);
        check_note("size", sizes[i]);
        CHECK_NOT_NULL(block);
        CHECK_ALIGNED(block, 16);
        CHECK_GE_UINT(malloc_usable_size(block), sizes[i]);
        api_fill(block, sizes[i], 1);
        free(block);
    }
}

static size_t bytes_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* The block is really freed: kept ones would add up to gigabytes. */
static void zero_frees(int alone)
{
    static const size_t sizes[] = {0, 1, 24, 1000, 100000, 500000};
    size_t before = bytes_in_use();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int round = 0; round < 5000; round++) {
            void *block = malloc(sizes[i]);
            CHECK_NOT_NULL(block);
            CHECK_EQ_PTR(realloc(block, 0), NULL);
        }
    if (alone)
        CHECK_LE_UINT(bytes_in_use(), before + mallinfo2().fsmblks + 2 * MIB);
}

static void between_all_sizes(void)
{
    static const size_t sizes[] = {0,      1,      16,   24,          25,      100,     1000,
                                   4000,   4096,   8200, 20000,       65536,   100000,  131072,
                                   140000, 300000, MIB,  3 * MIB + 5, 9 * MIB, 20 * MIB};
    const size_t count = sizeof sizes / sizeof sizes[0];
    for (size_t from = 0; from < count; from++)
        for (size_t to = 1; to < count; to++) {
            size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            char *block = malloc(sizes[from]);
            char *moved;
            check_note("new size", sizes[to]);
            CHECK_NOT_NULL(block);
            memset(block, 0x11, sizes[from] < MIB ? sizes[from] : 0);
            api_fill(block, kept, (unsigned)from);
            moved = realloc(block, sizes[to]);
            CHECK_NOT_NULL(moved);
            CHECK_ALIGNED(moved, 16);
            CHECK_GE_UINT(malloc_usable_size(moved), sizes[to]);
            CHECK_TRUE(api_matches(moved, kept, (unsigned)from));
            moved[sizes[to] - 1] = 'z';
            free(moved);
        }
}

/* Steady growth to 64 MiB and back, with a neighbour that blocks growing in place now and then. */
static void grow_and_shrink(void)
{
    size_t size = 1;
    char *block = malloc(size);
    void *wall = NULL;
    api_fill(block, size, 7);
    while (size < 64 * MIB) {
        size_t larger = size + size / 3 + 9;
        if (larger % 4 == 0) {
            free(wall);
            wall = malloc(48);
        }
        check_note("new size", larger);
        block = realloc(block, larger);
        CHECK_NOT_NULL(block);
        CHECK_TRUE(api_matches(block, size, 7));
        size = larger;
        api_fill(block, size, 7);
    }
    while (size > 1) {
        size_t smaller = size / 2;
        api_fill(block, smaller, 8);
        check_note("new size", smaller);
        block = realloc(block, smaller);
        CHECK_NOT_NULL(block);
        CHECK_TRUE(api_matches(block, smaller, 8));
        size = smaller;
    }
    free(block);
    free(wall);
}

/* Callers use the slack that malloc_usable_size reports; realloc moves it too. */
static void slack_is_kept(void)
{
    for (size_t size = 1; size < 200000; size += size / 4 + 1) {
        char *block = malloc(size);
        size_t usable = malloc_usable_size(block);
        check_note("size", size);
        api_fill(block, usable, 9);
        block = realloc(block, usable * 3);
        CHECK_NOT_NULL(block);
        CHECK_TRUE(api_matches(block, usable, 9));
        free(block);
    }
}

static void random_walk(unsigned seed)
{
    enum { count = 64 };
    char *blocks[count] = {NULL};
    size_t lengths[count] = {0};
    unsigned state = seed;
    for (int step = 0; step < 20000; step++) {
        size_t slot = api_random(&state) % count;
        size_t size = (size_t)1 << (api_random(&state) % 17);
        size_t kept;
        size = size + api_random(&state) % size;
        kept = size < lengths[slot] ? size : lengths[slot];
        if (kept < lengths[slot])
            api_fill(blocks[slot], kept, (unsigned)slot);
        blocks[slot] = realloc(blocks[slot], size);
        check_note("new size", size);
        CHECK_NOT_NULL(blocks[slot]);
        CHECK_TRUE(api_matches(blocks[slot], kept, (unsigned)slot));
        api_fill(blocks[slot], size, (unsigned)slot);
        lengths[slot] = size;
    }
    for (size_t i = 0; i < count; i++)
        CHECK_EQ_PTR(realloc(blocks[i], 0), NULL);
}

static void failure_leaves_the_block(void)
{
    static const size_t sizes[] = {1, 24, 500, 5000, 200000, 5000000};
    size_t huge[API_ROOM];
    size_t count = api_impossible_sizes(huge);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *block = malloc(sizes[i]);
        size_t usable = malloc_usable_size(block);
        api_fill(block, sizes[i], 4);
        for (size_t j = 0; j < count; j++) {
            check_note("new size", huge[j]);
            CHECK_FAILS(realloc(block, huge[j]), ENOMEM);
            CHECK_FAILS(realloc(NULL, huge[j]), ENOMEM);
        }
        CHECK_TRUE(api_matches(block, sizes[i], 4));
        CHECK_EQ_UINT(malloc_usable_size(block), usable);
        free(block);
    }
}

static void of_aligned_and_cleared(void)
{
    for (size_t alignment = 32; alignment <= MIB; alignment *= 2) {
        char *aligned = memalign(alignment, 3000);
        char *cleared = calloc(1, alignment);
        check_note("alignment", alignment);
        CHECK_NOT_NULL(aligned);
        CHECK_NOT_NULL(cleared);
        api_fill(aligned, 3000, 5);
        aligned = realloc(aligned, 50000);
        CHECK_NOT_NULL(aligned);
        CHECK_TRUE(api_matches(aligned, 3000, 5));
        cleared = realloc(cleared, alignment * 3);
        CHECK_NOT_NULL(cleared);
        CHECK_TRUE(api_is_zero(cleared, alignment));
        free(aligned);
        free(cleared);
    }
}

void api_test(int alone)
{
    null_is_malloc();
    zero_frees(alone);
    between_all_sizes();
    grow_and_shrink();
    slack_is_kept();
    random_walk(11);
    failure_leaves_the_block();
    of_aligned_and_cleared();
}
