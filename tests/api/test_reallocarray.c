/* SPDX-License-Identifier: MIT */
#include "api.h"

static void as_realloc(void)
{
    int *numbers = reallocarray(NULL, 10, sizeof *numbers);
    CHECK_NOT_NULL(numbers);
    CHECK_GE_UINT(malloc_usable_size(numbers), 10 * sizeof *numbers);
    for (int i = 0; i < 10; i++)
        numbers[i] = i;
    for (size_t count = 20; count < 3000000; count *= 3) {
        check_note("count", count);
        numbers = reallocarray(numbers, count, sizeof *numbers);
        CHECK_NOT_NULL(numbers);
        CHECK_GE_UINT(malloc_usable_size(numbers), count * sizeof *numbers);
        numbers[count - 1] = 1;
        for (int i = 0; i < 10; i++)
            CHECK_EQ_INT(numbers[i], i);
    }
    numbers = reallocarray(numbers, 5, sizeof *numbers);
    CHECK_NOT_NULL(numbers);
    for (int i = 0; i < 5; i++)
        CHECK_EQ_INT(numbers[i], i);
    CHECK_EQ_PTR(reallocarray(numbers, 0, sizeof *numbers), NULL);
    CHECK_EQ_PTR(reallocarray(malloc(100), 7, 0), NULL);
    numbers = reallocarray(NULL, 0, 8);
    CHECK_NOT_NULL(numbers);
    free(numbers);
}

static void overflow_leaves_the_block(void)
{
    static const size_t half = (size_t)1 << 32;
    size_t huge[API_ROOM];
    size_t count = api_impossible_sizes(huge);
    void *block = malloc(1000);
    CHECK_NOT_NULL(block);
    api_fill(block, 1000, 2);
    for (size_t i = 0; i < count; i++) {
        check_note("size", huge[i]);
        CHECK_FAILS(reallocarray(block, 1, huge[i]), ENOMEM);
        CHECK_FAILS(reallocarray(block, huge[i], 1), ENOMEM);
        CHECK_FAILS(reallocarray(block, huge[i], 2), ENOMEM);
        CHECK_FAILS(reallocarray(NULL, huge[i], huge[i]), ENOMEM);
    }
    CHECK_FAILS(reallocarray(block, half, half), ENOMEM);
    CHECK_FAILS(reallocarray(block, half, half + 16), ENOMEM);
    CHECK_FAILS(reallocarray(block, SIZE_MAX / 16 + 2, 16), ENOMEM);
    CHECK_TRUE(api_matches(block, 1000, 2));
    free(block);
}

void api_test(int alone)
{
    (void)alone;
    as_realloc();
    overflow_leaves_the_block();
}
