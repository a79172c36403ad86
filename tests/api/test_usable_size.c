/* SPDX-License-Identifier: MIT */
#include "api.h"

/* The reported size is all the program's: written to the last byte with every neighbour live, and
 * the same however often it is asked for. */
static void writable_and_constant(void)
{
    void *blocks[API_ROOM];
    size_t usable[API_ROOM];
    size_t sizes[API_ROOM];
    size_t count = api_sizes(sizes, MIB);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = i % 5 == 4 ? memalign(128, sizes[i]) : malloc(sizes[i]);
        check_note("size", sizes[i]);
        CHECK_NOT_NULL(blocks[i]);
        usable[i] = malloc_usable_size(blocks[i]);
        CHECK_GE_UINT(usable[i], sizes[i]);
        CHECK_TRUE(usable[i] > 0 || sizes[i] == 0);
        api_fill(blocks[i], usable[i], (unsigned)i);
    }
    for (size_t i = 0; i < count; i += 2) {
        CHECK_TRUE(api_matches(blocks[i], usable[i], (unsigned)i));
        free(blocks[i]);
    }
    for (size_t i = 1; i < count; i += 2) {
        check_note("size", sizes[i]);
        CHECK_EQ_UINT(malloc_usable_size(blocks[i]), usable[i]);
        CHECK_TRUE(api_matches(blocks[i], usable[i], (unsigned)i));
        free(blocks[i]);
    }
}

/* The whole range of a block up to its usable size lies outside every other block's. */
static void no_overlap(size_t size)
{
    enum { count = 300 };
    char *blocks[count];
    check_note("size", size);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        CHECK_NOT_NULL(blocks[i]);
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            CHECK_TRUE(blocks[i] + malloc_usable_size(blocks[i]) <= blocks[j] ||
                       blocks[j] + malloc_usable_size(blocks[j]) <= blocks[i]);
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
}

static void after_realloc(void)
{
    char *block = malloc(10);
    for (size_t size = 10; size < 40 * MIB; size = size * 2 + 3) {
        size_t usable;
        check_note("size", size);
        block = realloc(block, size);
        CHECK_NOT_NULL(block);
        usable = malloc_usable_size(block);
        CHECK_GE_UINT(usable, size);
        memset(block + size - 1, 1, usable - size + 1);
        CHECK_EQ_UINT(malloc_usable_size(block), usable);
    }
    free(block);
}

/* A free next door must not change the size that was told. */
static void constant_when_neighbours_go(void)
{
    for (size_t size = 8; size <= 65536; size *= 2) {
        void *before = malloc(size);
        void *block = malloc(size);
        void *after = malloc(size);
        size_t usable = malloc_usable_size(block);
        check_note("size", size);
        free(before);
        CHECK_EQ_UINT(malloc_usable_size(block), usable);
        free(after);
        CHECK_EQ_UINT(malloc_usable_size(block), usable);
        free(block);
    }
}

void api_test(int alone)
{
    (void)alone;
    CHECK_EQ_UINT(malloc_usable_size(NULL), 0);
    writable_and_constant();
    no_overlap(0);
    no_overlap(40);
    no_overlap(700);
    no_overlap(10000);
    after_realloc();
    constant_when_neighbours_go();
}
