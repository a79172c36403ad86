/* SPDX-License-Identifier: MIT */
#include "api.h"

#include <stdio.h>
#include <unistd.h>

static size_t resident_bytes(void)
{
    size_t total = 0;
    size_t resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK_NOT_NULL(file);
    CHECK_EQ_INT(fscanf(file, "%zu %zu", &total, &resident), 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* The sanitizers keep memory of their own for every block, which counts as resident. */
#ifdef BRKM_SANITIZED
static const int residency_counts = 0;
#else
static const int residency_counts = 1;
#endif

static int is_zero_or_one(int value)
{
    return value == 0 || value == 1;
}

static void with_every_pad(void)
{
    static const size_t pads[] = {0, 1, 4096, 100000, 64 * 1024 * 1024, PTRDIFF_MAX, SIZE_MAX};
    for (size_t i = 0; i < sizeof pads / sizeof pads[0]; i++) {
        void *block = malloc(300000);
        check_note("pad", pads[i]);
        api_fill(block, 300000, 3);
        CHECK_TRUE(is_zero_or_one(malloc_trim(pads[i])));
        CHECK_TRUE(api_matches(block, 300000, 3));
        free(block);
        CHECK_TRUE(is_zero_or_one(malloc_trim(pads[i])));
    }
}

/* Every 50th of the blocks stays; what lies between them goes back to the system. */
static void memory_between_live_blocks(size_t size, int alone)
{
    size_t count = 48 * MIB / size;
    void **blocks = malloc(count * sizeof *blocks);
    size_t before;
    CHECK_NOT_NULL(blocks);
    memset(blocks, 1, count * sizeof *blocks);
    malloc_trim(0);
    before = resident_bytes();
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        CHECK_NOT_NULL(blocks[i]);
        memset(blocks[i], (int)i, size);
    }
    if (alone && residency_counts)
        CHECK_GE_UINT(resident_bytes(), before + 40 * MIB);
    for (size_t i = 0; i < count; i++)
        if (i % 50 != 49)
            free(blocks[i]);
    CHECK_TRUE(is_zero_or_one(malloc_trim(0)));
    check_note("size", size);
    if (alone && residency_counts)
        CHECK_LE_UINT(resident_bytes(), before + 16 * MIB);
    for (size_t i = 49; i < count; i += 50) {
        unsigned char *block = blocks[i];
        CHECK_EQ_UINT(block[0], i & 0xff);
        CHECK_EQ_UINT(block[size - 1], i & 0xff);
        free(block);
    }
    free(blocks);
}

void api_test(int alone)
{
    with_every_pad();
    memory_between_live_blocks(1000, alone);
    memory_between_live_blocks(20000, alone);
    /* What was given back can be had again, and cleared. */
    for (size_t size = 1000; size < 4 * MIB; size *= 4) {
        void *block = calloc(1, size);
        CHECK_NOT_NULL(block);
        CHECK_TRUE(api_is_zero(block, size));
        api_fill(block, size, 1);
        CHECK_TRUE(is_zero_or_one(malloc_trim(0)));
        CHECK_TRUE(api_matches(block, size, 1));
        free(block);
    }
}
