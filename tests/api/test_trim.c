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

/* malloc_trim says whether it gave anything back. What there is to give is known where no other
 * thread allocates, and no option lets the block go elsewhere than to the heap. */
static void check_trim(int alone, size_t pad, int expected)
{
    int result = malloc_trim(pad);
    if (alone && api_has_no_options())
        CHECK_EQ_INT(result, expected);
    else
        CHECK_EQ_INT(result & ~1, 0);
}

static void with_every_pad(int alone)
{
    static const size_t pads[] = {0, 1, 4096, 50000, 64 * 1024 * 1024, PTRDIFF_MAX, SIZE_MAX};
    const size_t size = 100000;
    for (size_t i = 0; i < sizeof pads / sizeof pads[0]; i++) {
        void *block = malloc(size);
        check_note("pad", pads[i]);
        api_fill(block, size, 3);
        malloc_trim(0);
        check_trim(alone, pads[i], 0);
        CHECK_TRUE(api_matches(block, size, 3));
        free(block);
        /* A larger pad may keep all of it. */
        check_trim(alone && pads[i] < size, pads[i], 1);
        malloc_trim(0);
        check_trim(alone, pads[i], 0);
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
    check_trim(alone, 0, 1);
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
    with_every_pad(alone);
    memory_between_live_blocks(1000, alone);
    memory_between_live_blocks(20000, alone);
    /* What was given back can be had again, and cleared. */
    for (size_t size = 1000; size < 4 * MIB; size *= 4) {
        void *block = calloc(1, size);
        CHECK_NOT_NULL(block);
        CHECK_TRUE(api_is_zero(block, size));
        api_fill(block, size, 1);
        malloc_trim(0);
        check_trim(alone, 0, 0);
        CHECK_TRUE(api_matches(block, size, 1));
        free(block);
    }
}
