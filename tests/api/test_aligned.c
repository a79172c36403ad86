/* SPDX-License-Identifier: MIT */
#include "api.h"

#include <unistd.h>

static const size_t sizes[] = {0,    1,    8,     16,    24,     25,     100,     1000,
                               4080, 4096, 10000, 65536, 131073, 500000, 3000001, 5 * 1024 * 1024};
enum { size_count = sizeof sizes / sizeof sizes[0] };

static void use(void *block, size_t alignment, size_t size)
{
    check_note("size", size);
    CHECK_NOT_NULL(block);
    CHECK_ALIGNED(block, alignment < 16 ? 16 : alignment);
    CHECK_GE_UINT(malloc_usable_size(block), size);
    api_fill(block, size, (unsigned)size);
}

/* All three functions, all sizes live at once, so that an overlap would show. */
static void every_alignment(void)
{
    for (size_t alignment = 1; alignment <= 64 * MIB; alignment *= 2) {
        void *blocks[size_count][3] = {{NULL}};
        size_t live = alignment > MIB ? 6 : size_count;
        for (size_t i = 0; i < live; i++) {
            blocks[i][0] = aligned_alloc(alignment, sizes[i]);
            use(blocks[i][0], alignment, sizes[i]);
            blocks[i][1] = memalign(alignment, sizes[i]);
            use(blocks[i][1], alignment, sizes[i]);
            if (alignment >= sizeof(void *)) {
                CHECK_EQ_INT(posix_memalign(&blocks[i][2], alignment, sizes[i]), 0);
                use(blocks[i][2], alignment, sizes[i]);
            }
        }
        check_note("alignment", alignment);
        for (size_t i = live; i-- > 0;)
            for (size_t k = 0; k < 3; k++) {
                if (blocks[i][k] == NULL)
                    continue;
                CHECK_TRUE(api_matches(blocks[i][k], sizes[i], (unsigned)sizes[i]));
                free(blocks[i][k]);
            }
    }
}

static void aligned_alloc_refuses(void)
{
    static const size_t wrong[] = {0, 3, 5, 6, 7, 9, 12, 17, 24, 48, 100, 4097, SIZE_MAX};
    if (!api_is_ours())
        return; /* glibc is this strict only since 2.38 */
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        check_note("alignment", wrong[i]);
        CHECK_FAILS(aligned_alloc(wrong[i], 64), EINVAL);
        CHECK_FAILS(aligned_alloc(wrong[i], 0), EINVAL);
    }
}

static void posix_memalign_refuses(void)
{
    static const size_t wrong[] = {0,  1,  2,  3,  4,    7,        9,
                                   12, 17, 24, 40, 4097, SIZE_MAX, ((size_t)1 << 62) + 8};
    char untouched;
    size_t huge[API_ROOM];
    size_t count = api_impossible_sizes(huge);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        void *block = &untouched;
        check_note("alignment", wrong[i]);
        CHECK_EQ_INT(posix_memalign(&block, wrong[i], 64), EINVAL);
        CHECK_EQ_PTR(block, &untouched);
    }
    for (size_t i = 0; i < count; i++) {
        void *block = &untouched;
        check_note("size", huge[i]);
        CHECK_EQ_INT(posix_memalign(&block, 16, huge[i]), ENOMEM);
        CHECK_EQ_INT(posix_memalign(&block, 4096, huge[i]), ENOMEM);
        CHECK_EQ_INT(posix_memalign(&block, MIB, huge[i]), ENOMEM);
        CHECK_EQ_PTR(block, &untouched);
    }
}

static void memalign_rounds_up(void)
{
    static const size_t odd[][2] = {{0, 16},      {3, 16},        {17, 32},   {24, 32},
                                    {33, 64},     {48, 64},       {100, 128}, {4095, 4096},
                                    {5000, 8192}, {65537, 131072}};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        void *block = memalign(odd[i][0], 777);
        check_note("alignment", odd[i][0]);
        CHECK_NOT_NULL(block);
        CHECK_ALIGNED(block, odd[i][1]);
        api_fill(block, 777, 1);
        free(block);
    }
}

static void impossible(void)
{
    size_t huge[API_ROOM];
    size_t count = api_impossible_sizes(huge);
    for (size_t i = 0; i < count; i++) {
        check_note("size", huge[i]);
        for (size_t alignment = 1; alignment <= 64 * MIB; alignment *= 8) {
            CHECK_FAILS(memalign(alignment, huge[i]), ENOMEM);
            CHECK_FAILS(aligned_alloc(alignment, huge[i]), ENOMEM);
        }
        CHECK_FAILS(valloc(huge[i]), ENOMEM);
        CHECK_FAILS(pvalloc(huge[i]), ENOMEM);
    }
    /* Alignments no address space has room for; the sum with the size wraps for some. */
    for (unsigned bit = 57; bit < 64; bit++)
        for (size_t i = 0; i < size_count; i++) {
            size_t alignment = (size_t)1 << bit;
            check_note("alignment", alignment);
            CHECK_FAILS(memalign(alignment, sizes[i]), ENOMEM);
            CHECK_FAILS(memalign(alignment, SIZE_MAX - sizes[i]), ENOMEM);
            CHECK_FAILS(memalign(alignment, (size_t)0 - alignment), ENOMEM);
            CHECK_FAILS(aligned_alloc(alignment, sizes[i]), ENOMEM);
        }
    /* No power of two is as large as these. */
    for (size_t alignment = SIZE_MAX; alignment > SIZE_MAX / 2 + 1; alignment -= SIZE_MAX / 8)
        for (size_t i = 0; i < size_count; i++)
            CHECK_FAILS(memalign(alignment, sizes[i]), EINVAL);
}

static void pages(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < size_count; i++) {
        size_t whole = (sizes[i] + page - 1) / page * page;
        void *block = valloc(sizes[i]);
        use(block, page, sizes[i]);
        free(block);
        block = pvalloc(sizes[i]);
        use(block, page, whole);
        if (api_is_ours())
            CHECK_GE_UINT(malloc_usable_size(block), page);
        free(block);
    }
}

/* The slack before and after an aligned block goes back to the heap. */
static void slack_is_returned(int alone)
{
    enum { count = 500 };
    void *blocks[count];
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = memalign(16384, 64);
        CHECK_NOT_NULL(blocks[i]);
    }
    if (alone)
        CHECK_LE_UINT(mallinfo2().uordblks, before + count * 1024);
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
}

void api_test(int alone)
{
    every_alignment();
    aligned_alloc_refuses();
    posix_memalign_refuses();
    memalign_rounds_up();
    impossible();
    pages();
    slack_is_returned(alone);
}
