/* SPDX-License-Identifier: MIT */
#include "api.h"

static void with_the_right_sizes(void)
{
    size_t sizes[API_ROOM];
    size_t count = api_sizes(sizes, 4 * MIB);
    for (size_t i = 0; i < count; i++) {
        void *plain = malloc(sizes[i]);
        void *cleared = calloc(1, sizes[i]);
        void *grown = realloc(malloc(10), sizes[i] + 1);
        check_note("size", sizes[i]);
        CHECK_NOT_NULL(plain);
        CHECK_NOT_NULL(cleared);
        CHECK_NOT_NULL(grown);
        api_fill(plain, sizes[i], 1);
        free_sized(plain, sizes[i]);
        free_sized(cleared, sizes[i]);
        free_sized(grown, sizes[i] + 1);
    }
    for (size_t alignment = 1; alignment <= 4 * MIB; alignment *= 2)
        for (size_t size = 0; size < 300000; size = size * 5 + 7) {
            void *block = aligned_alloc(alignment, size);
            check_note("alignment", alignment);
            CHECK_NOT_NULL(block);
            api_fill(block, size, 2);
            free_aligned_sized(block, alignment, size);
        }
}

/* The memory is really given back: kept blocks would add up to gigabytes, or to hundreds of
 * megabytes where options may make each block cost much. */
static void really_frees(int alone)
{
    const int rounds = api_has_no_options() ? 20000 : 1000;
    struct mallinfo2 before = mallinfo2();
    struct mallinfo2 after;
    for (int round = 0; round < rounds; round++) {
        free_sized(malloc(100000), 100000);
        free_aligned_sized(aligned_alloc(64, 100000), 64, 100000);
        cfree(malloc(100000));
    }
    after = mallinfo2();
    if (alone)
        CHECK_LE_UINT(after.uordblks + after.hblkhd,
                      before.uordblks + before.hblkhd + after.fsmblks + 2 * MIB);
}

static void keeps_errno(void)
{
    static const size_t sizes[] = {1, 1000, 200000, 40000000};
    for (size_t i = 0; i < 4; i++) {
        void *first = malloc(sizes[i]);
        void *second = aligned_alloc(4096, sizes[i]);
        void *third = malloc(sizes[i]);
        errno = EBADMSG;
        free_sized(first, sizes[i]);
        free_aligned_sized(second, 4096, sizes[i]);
        cfree(third);
        CHECK_EQ_INT(errno, EBADMSG);
    }
}

void api_test(int alone)
{
#ifndef API_PREFIXED
    CHECK_TRUE(free_sized != NULL);
    CHECK_TRUE(free_aligned_sized != NULL);
    CHECK_TRUE(cfree != NULL);
#endif
    free_sized(NULL, 100);
    free_aligned_sized(NULL, 16, 100);
    cfree(NULL);
    with_the_right_sizes();
    really_frees(alone);
    keeps_errno();
}
