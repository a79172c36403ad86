/* SPDX-License-Identifier: MIT
 * The link of a cached block leads to global memory.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

static char global_memory[8192] __attribute__((aligned(16)));

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    *(void **)block = global_memory;
    expect_never_given(global_memory, sizeof global_memory, size);
}
