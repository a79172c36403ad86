/* SPDX-License-Identifier: MIT */
#include "api.h"

/* Leaves dirty free memory of this size behind, so that a calloc that trusts it is found out. */
static void dirty(size_t size)
{
    void *blocks[8];
    for (size_t i = 0; i < 8; i++) {
        blocks[i] = malloc(size);
        CHECK_NOT_NULL(blocks[i]);
        memset(blocks[i], 0xa5, size);
    }
    for (size_t i = 0; i < 8; i++)
        free(blocks[(i * 5) % 8]);
}

static void cleared_after_dirt(void)
{
    size_t sizes[API_ROOM];
    size_t count = api_sizes(sizes, 4 * MIB);
    for (size_t i = 0; i < count; i++) {
        void *first;
        void *second;
        check_note("size", sizes[i]);
        dirty(sizes[i]);
        first = calloc(1, sizes[i]);
        second = calloc(sizes[i], 1);
        CHECK_NOT_NULL(first);
        CHECK_NOT_NULL(second);
        CHECK_NE_PTR(first, second);
        CHECK_ALIGNED(first, 16);
        CHECK_TRUE(api_is_zero(first, sizes[i]));
        CHECK_TRUE(api_is_zero(second, sizes[i]));
        memset(first, 0x5a, sizes[i]);
        free(first);
        free(second);
    }
}

/* Free neighbours of mixed sizes coalesce; a block cut from them holds their dirty headers. */
static void cleared_after_coalescing(void)
{
    enum { count = 300 };
    char *blocks[count];
    unsigned state = 3;
    for (size_t round = 0; round < 20; round++) {
        size_t total = 0;
        for (size_t i = 0; i < count; i++) {
            size_t size = 1 + api_random(&state) % 3000;
            blocks[i] = malloc(size);
            CHECK_NOT_NULL(blocks[i]);
            memset(blocks[i], 0xc3, size);
            total += size;
        }
        for (size_t i = 0; i < count; i++)
            free(blocks[i]);
        for (size_t part = 2; part <= 64; part *= 2) {
            void *block = calloc(total / part, 1);
            check_note("size", total / part);
            CHECK_NOT_NULL(block);
            CHECK_TRUE(api_is_zero(block, total / part));
            memset(block, 0xc3, total / part);
            free(block);
        }
    }
}

static void shapes(void)
{
    static const size_t products[][2] = {{3, 7}, {7, 3}, {1000, 24}, {65536, 16}, {1, 70000}};
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        size_t size = products[i][0] * products[i][1];
        void *block = calloc(products[i][0], products[i][1]);
        CHECK_NOT_NULL(block);
        CHECK_GE_UINT(malloc_usable_size(block), size);
        CHECK_TRUE(api_is_zero(block, size));
        free(block);
    }
}

static void nothing(void)
{
    void *none = calloc(0, 0);
    void *no_elements = calloc(0, 8);
    void *no_bytes = calloc(SIZE_MAX, 0);
    CHECK_NOT_NULL(none);
    CHECK_NOT_NULL(no_elements);
    CHECK_NOT_NULL(no_bytes);
    CHECK_NE_PTR(none, no_elements);
    CHECK_NE_PTR(no_elements, no_bytes);
    free(none);
    free(no_elements);
    free(no_bytes);
}

static void overflow(void)
{
    static const size_t half = (size_t)1 << 32;
    size_t huge[API_ROOM];
    size_t count = api_impossible_sizes(huge);
    for (size_t i = 0; i < count; i++) {
        check_note("size", huge[i]);
        CHECK_FAILS(calloc(1, huge[i]), ENOMEM);
        CHECK_FAILS(calloc(huge[i], 1), ENOMEM);
        CHECK_FAILS(calloc(huge[i], 2), ENOMEM);
        CHECK_FAILS(calloc(3, huge[i]), ENOMEM);
        CHECK_FAILS(calloc(huge[i], huge[i]), ENOMEM);
    }
    /* Products that wrap round to something small. */
    CHECK_FAILS(calloc(half, half), ENOMEM);
    CHECK_FAILS(calloc(half + 1, half), ENOMEM);
    CHECK_FAILS(calloc(half, half + 16), ENOMEM);
    CHECK_FAILS(calloc(SIZE_MAX / 16 + 2, 16), ENOMEM);
    CHECK_FAILS(calloc(3, SIZE_MAX / 3 + 2), ENOMEM);
    CHECK_FAILS(calloc((size_t)PTRDIFF_MAX / 8 + 1, 8), ENOMEM);
}

void api_test(int alone)
{
    (void)alone;
    cleared_after_dirt();
    cleared_after_coalescing();
    shapes();
    nothing();
    overflow();
}
