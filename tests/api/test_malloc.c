/* SPDX-License-Identifier: MIT */
#include "api.h"

static void every_size_at_once(void)
{
    void *blocks[API_ROOM];
    size_t wanted[API_ROOM];
    size_t count = api_sizes(wanted, 4 * MIB);
    for (size_t i = 0; i < count; i++) {
        check_note("size", wanted[i]);
        blocks[i] = malloc(wanted[i]);
        CHECK_NOT_NULL(blocks[i]);
        CHECK_ALIGNED(blocks[i], 16);
        api_fill(blocks[i], wanted[i], (unsigned)i);
    }
    /* Odd ones first, so that every block loses both neighbours. */
    for (size_t parity = 2; parity-- > 0;)
        for (size_t i = parity; i < count; i += 2) {
            check_note("size", wanted[i]);
            CHECK_TRUE(api_matches(blocks[i], wanted[i], (unsigned)i));
            free(blocks[i]);
        }
}

static void large(void)
{
    for (size_t size = 8 * MIB; size <= 256 * MIB; size *= 2) {
        char *block = malloc(size + 1);
        check_note("size", size + 1);
        CHECK_NOT_NULL(block);
        CHECK_ALIGNED(block, 16);
        block[0] = 'a';
        block[size] = 'z';
        CHECK_EQ_INT(block[0], 'a');
        free(block);
    }
}

static void zero_is_unique(void)
{
    void *blocks[100];
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = malloc(0);
        CHECK_NOT_NULL(blocks[i]);
        for (size_t j = 0; j < i; j++)
            CHECK_NE_PTR(blocks[i], blocks[j]);
    }
    for (size_t i = 0; i < 100; i++)
        free(blocks[i]);
    free(NULL);
}

/* Holes of one size filled with another: what was not freed keeps its contents. */
static void refilled_holes(size_t size, size_t other)
{
    enum { count = 400 };
    void *blocks[count];
    check_note("size", size);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        CHECK_NOT_NULL(blocks[i]);
        api_fill(blocks[i], size, (unsigned)i);
    }
    for (size_t i = 0; i < count; i += 2)
        free(blocks[i]);
    for (size_t i = 0; i < count; i += 2) {
        blocks[i] = malloc(other);
        CHECK_NOT_NULL(blocks[i]);
        api_fill(blocks[i], other, (unsigned)i);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_TRUE(api_matches(blocks[i], i % 2 == 0 ? other : size, (unsigned)i));
        free(blocks[i]);
    }
}

/* What lists of free and cached blocks leave in a block is not for the program to see: addresses of
 * the heap, and what the secrets give. A block that is freed and taken again lies where it did, and
 * its first words are zero. */
static void links_are_cleared(size_t size)
{
    uint64_t *blocks[2];
    check_note("size", size);
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < 2; i++) {
            blocks[i] = malloc(size);
            CHECK_NOT_NULL(blocks[i]);
            CHECK_TRUE(round == 0 || (blocks[i][0] == 0 && blocks[i][1] == 0));
        }
        for (size_t i = 0; i < 2; i++) {
            memset(blocks[i], 0, size);
            free(blocks[i]);
        }
    }
}

static void impossible(void)
{
    size_t huge[API_ROOM];
    size_t count = api_impossible_sizes(huge);
    for (size_t i = 0; i < count; i++) {
        check_note("size", huge[i]);
        CHECK_FAILS(malloc(huge[i]), ENOMEM);
    }
    /* A refusal leaves the heap usable. */
    every_size_at_once();
}

void api_test(int alone)
{
    every_size_at_once();
    large();
    zero_is_unique();
    refilled_holes(24, 40);
    refilled_holes(100, 90);
    refilled_holes(1000, 1500);
    refilled_holes(5000, 200);
    /* With options a block need not lie where the last one did, or is filled. */
    if (alone && getenv("BRKMALLOC") == NULL)
        for (size_t size = 16; size <= 256 * KIB; size += size / 2)
            links_are_cleared(size);
    impossible();
}
