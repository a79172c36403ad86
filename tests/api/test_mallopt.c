/* SPDX-License-Identifier: MIT */
#include "api.h"

#include <limits.h>

#ifndef M_ARENA_TEST
#define M_ARENA_TEST -7
#define M_ARENA_MAX -8
#endif

static void accepted(void)
{
    static const int pairs[][2] = {{M_TRIM_THRESHOLD, 0},
                                   {M_TRIM_THRESHOLD, 1 << 20},
                                   {M_TRIM_THRESHOLD, 128 * 1024},
                                   {M_TOP_PAD, 0},
                                   {M_TOP_PAD, 1 << 20},
                                   {M_TOP_PAD, 128 * 1024},
                                   {M_MMAP_MAX, 0},
                                   {M_MMAP_MAX, 65536},
                                   {M_MMAP_THRESHOLD, 1 << 20},
                                   {M_MMAP_THRESHOLD, 128 * 1024},
                                   {M_MXFAST, 0},
                                   {M_MXFAST, 160},
                                   {M_CHECK_ACTION, 0},
                                   {M_ARENA_TEST, 1},
                                   {M_ARENA_MAX, 1},
                                   {M_PERTURB, 0}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        void *block;
        check_note("number of the pair", i);
        CHECK_EQ_INT(mallopt(pairs[i][0], pairs[i][1]), 1);
        block = malloc(150000);
        CHECK_NOT_NULL(block);
        api_fill(block, 150000, 6);
        free(block);
    }
    CHECK_EQ_INT(mallopt(M_MXFAST, 128), 1);
    CHECK_EQ_INT(mallopt(M_MXFAST, 161), 0);
    CHECK_EQ_INT(mallopt(M_MXFAST, -1), 0);
}

/* 1 when a block of `size` bytes gets its own mapping. */
static int is_mapped(size_t size)
{
    size_t before = mallinfo2().hblks;
    void *block = malloc(size);
    size_t after = mallinfo2().hblks;
    CHECK_NOT_NULL(block);
    free(block);
    CHECK_EQ_UINT(mallinfo2().hblks, before);
    return after > before;
}

static void mapping_threshold(void)
{
    CHECK_EQ_INT(mallopt(M_MMAP_MAX, 65536), 1);
    CHECK_EQ_INT(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
    CHECK_EQ_INT(is_mapped(2 * MIB), 1);
    CHECK_EQ_INT(is_mapped(MIB / 2), 0);
    CHECK_EQ_INT(mallopt(M_MMAP_THRESHOLD, 4 << 20), 1);
    CHECK_EQ_INT(is_mapped(2 * MIB), 0);
    CHECK_EQ_INT(is_mapped(8 * MIB), 1);
    CHECK_EQ_INT(mallopt(M_MMAP_MAX, 0), 1);
    CHECK_EQ_INT(is_mapped(8 * MIB), 0);
    CHECK_EQ_INT(mallopt(M_MMAP_MAX, 65536), 1);
    CHECK_EQ_INT(is_mapped(8 * MIB), 1);
}

/* New memory is filled with the complement, whatever was in caches before. */
static void perturb_fills(void)
{
    free(malloc(100));
    CHECK_EQ_INT(mallopt(M_PERTURB, 0x5a), 1);
    for (size_t size = 1; size < 2 * MIB; size = size * 3 + 1) {
        unsigned char *block = malloc(size);
        check_note("size", size);
        CHECK_NOT_NULL(block);
        for (size_t i = 0; i < size; i += 1 + size / 100) {
            CHECK_EQ_UINT(block[i], 0xa5);
        }
        free(block);
    }
    CHECK_EQ_INT(mallopt(M_PERTURB, 0), 1);
}

/* calloc clears whatever the fill byte is. */
static void perturb(void)
{
    CHECK_EQ_INT(mallopt(M_PERTURB, 0x5a), 1);
    for (size_t size = 1; size < 2 * MIB; size = size * 3 + 1) {
        void *block = malloc(size);
        void *cleared;
        check_note("size", size);
        CHECK_NOT_NULL(block);
        free(block);
        cleared = calloc(1, size);
        CHECK_TRUE(api_is_zero(cleared, size));
        free(cleared);
    }
    CHECK_EQ_INT(mallopt(M_PERTURB, 0), 1);
}

void api_test(int alone)
{
    accepted();
    /* Other options decide as well what is mapped and what is filled. */
    if (alone && api_has_no_options()) {
        mapping_threshold();
        if (api_is_ours())
            perturb_fills();
    }
    perturb();
}
